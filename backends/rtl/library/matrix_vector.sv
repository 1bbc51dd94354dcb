// A matrix-vector product for every window, pixel or vector: convolutions and dense layers.
//
// A position takes STEPS = INPUTS / SIMD turns for each of GROUPS = OUTPUTS / PE groups of results, PE x SIMD products a
// turn, a turn a cycle. The SIMD values of a turn come with the first group and are kept for the others, so each word of
// the input is taken once: STEPS words a position. Windows of a row share columns: of all but the first of COLUMNS
// positions only the last FRESH words are new (as the window stage hands them out); where nothing is shared, FRESH is
// STEPS. A word of the output has the sums of a group, PE of them with their biases, results in order.
//
// Nothing in the array of multipliers ever stops: a turn that ends a group begins only while out_ready is high, and its
// sums come LATENCY cycles later with out_valid, whatever out_ready is by then. So out_ready says that there is room for
// all that may be on its way (`fifo` with SLACK).
//
// WEIGHTS is read by $readmemh, a word a turn: lane l of PE p at bits (p * SIMD + l) * WEIGHT_BITS, group by group and in
// each step by step. BIASES likewise, a word a group: PE p at bits p * ACC_BITS. The sums are known to fit ACC_BITS.
module matrix_vector #(
    parameter PE = 1,
    parameter SIMD = 1,
    parameter INPUTS = 1,
    parameter OUTPUTS = 1,
    parameter COLUMNS = 1,
    parameter FRESH = INPUTS / SIMD,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter WEIGHT_BITS = 8,
    parameter SHARING = 1,                // results that share a DSP48E1 (`packed_array`, which says what WEIGHTS hold then)
    parameter IN_LUTS = 0,                // products, instead of DSP48E1
    parameter ACC_BITS = 24,
    parameter WEIGHTS = "weights.mem",
    parameter BIASES = "biases.mem",      // "": there are none
    parameter WEIGHTS_IN = "block",       // "block" (block RAM) or "distributed" (LUTs)
    parameter KEPT_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [SIMD*ACT_BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [PE*ACC_BITS-1:0] out_data
);
    localparam STEPS = INPUTS / SIMD;
    localparam GROUPS = OUTPUTS / PE;
    localparam TURNS = STEPS * GROUPS;
    localparam LEVELS = $clog2(SIMD);
    localparam LATENCY = 8 + LEVELS;
    localparam ADDED_BITS = ACT_BITS + WEIGHT_BITS + (ACT_SIGNED ? 0 : 1) + LEVELS;
    localparam STEP_BITS = STEPS > 1 ? $clog2(STEPS) : 1;
    localparam GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1;
    localparam COLUMN_BITS = COLUMNS > 1 ? $clog2(COLUMNS) : 1;
    localparam TURN_BITS = TURNS > 1 ? $clog2(TURNS) : 1;
    localparam [STEP_BITS-1:0] LAST_STEP = STEP_BITS'(STEPS - 1);
    localparam [STEP_BITS-1:0] OLD = STEP_BITS'(STEPS - FRESH);
    localparam [GROUP_BITS-1:0] LAST_GROUP = GROUP_BITS'(GROUPS - 1);
    localparam [COLUMN_BITS-1:0] LAST_COLUMN = COLUMN_BITS'(COLUMNS - 1);

    // Where the turn stands. The flags that decide whether it begins are registers, computed a turn before, and from the
    // counters as they are: a comparison of a sum would take twice the time.
    logic [STEP_BITS-1:0] step;
    logic [GROUP_BITS-1:0] group;
    logic [COLUMN_BITS-1:0] column;
    logic [TURN_BITS-1:0] word;
    logic is_first, is_last, is_last_group, is_new;
    logic turns, ends_position;
    logic next_is_last_group, next_is_first_group, next_is_first_column, next_is_fresh;

    assign turns = (!is_new || in_valid) && (!is_last || out_ready);
    assign in_ready = is_new && (!is_last || out_ready);
    assign ends_position = is_last && is_last_group;

    assign next_is_first_group = is_last ? is_last_group : group == 0;
    assign next_is_first_column = ends_position ? column == LAST_COLUMN : column == 0;
    assign next_is_fresh = FRESH == STEPS || (is_last ? OLD == 0 : step >= OLD - 1);
    always_comb begin
        next_is_last_group = is_last_group;
        if (is_last) next_is_last_group = GROUPS == 1 || (!is_last_group && group == LAST_GROUP - 1);
    end

    always_ff @(posedge clk) begin
        if (reset) begin
            step <= 0;
            group <= 0;
            column <= 0;
            word <= 0;
            is_first <= 1;
            is_last <= STEPS == 1;
            is_last_group <= GROUPS == 1;
            is_new <= 1;
        end else if (turns) begin
            step <= is_last ? 0 : step + 1;
            if (is_last) group <= is_last_group ? 0 : group + 1;
            if (ends_position) column <= column == LAST_COLUMN ? 0 : column + 1;
            word <= ends_position ? 0 : word + 1;
            is_first <= is_last;
            is_last <= STEPS == 1 || (!is_last && step == LAST_STEP - 1);
            is_last_group <= next_is_last_group;
            is_new <= next_is_first_group && (next_is_first_column || next_is_fresh);
        end
    end

    // Where the values of the step are kept. New columns take the places of the oldest ones, so windows begin anywhere.
    // A window that shares columns has two steps or more, so where the next one begins is known a turn before its last.
    logic [STEP_BITS-1:0] place, start, next_start;
    generate
        if (FRESH == STEPS) begin : nothing_shared
            assign next_start = 0;
        end else begin : shared
            always_ff @(posedge clk)
                next_start <= reset ? STEP_BITS'(FRESH) : start < OLD ? start + STEP_BITS'(FRESH) : start - OLD;
        end
    endgenerate
    always_ff @(posedge clk) begin
        if (reset) begin
            place <= 0;
            start <= 0;
        end else if (turns) begin
            if (ends_position) start <= next_start;
            if (ends_position) place <= next_start;
            else if (is_last) place <= start;
            else place <= place == LAST_STEP ? 0 : place + 1;
        end
    end

    // Both memories answer two cycles later. The values stand in registers before they go to the multipliers, which may be
    // far; for the weights to arrive with them, their address goes a cycle later.
    logic [SIMD*ACT_BITS-1:0] kept, given_read, given, values;
    localparam WEIGHTS_WIDTH = PE * SIMD * WEIGHT_BITS;
    localparam ADDRESSES = WEIGHTS_IN == "block" ? 1 : (WEIGHTS_WIDTH + 127) / 128;
    logic [ADDRESSES*TURN_BITS-1:0] words_read;
    logic [WEIGHTS_WIDTH-1:0] weights;
    logic was_new, is_given;
    memory #(
        .WIDTH(SIMD * ACT_BITS),
        .DEPTH(STEPS),
        .STORAGE(KEPT_IN)
    ) kept_values (
        .clk(clk),
        .writes(turns && is_new),
        .write_address(place),
        .written(in_data),
        .read_address(place),
        .read(kept)
    );
    rom #(
        .WIDTH(WEIGHTS_WIDTH),
        .DEPTH(TURNS),
        .WORDS(WEIGHTS),
        .STORAGE(WEIGHTS_IN),
        .ADDRESSES(ADDRESSES)
    ) weight_rom (
        .clk(clk),
        .address(words_read),
        .read(weights)
    );
    always_ff @(posedge clk) begin
        given_read <= in_data;
        given <= given_read;
        was_new <= is_new;
        is_given <= was_new;
        values <= is_given ? given : kept;
    end
    generate
        for (genvar part = 0; part < ADDRESSES; part++) begin : addresses
            (* keep = "true" *) logic [TURN_BITS-1:0] word_read;  // equal registers would become one
            always_ff @(posedge clk) word_read <= word;
            assign words_read[part*TURN_BITS+:TURN_BITS] = word_read;
        end
    endgenerate

    // What the adders must know of a turn, as it goes along with it.
    logic [LATENCY-1:0] goes, begins, ends;
    /* verilator lint_off UNUSEDSIGNAL */  // without biases
    logic [(LATENCY-3)*GROUP_BITS-1:0] groups;
    /* verilator lint_on UNUSEDSIGNAL */
    always_ff @(posedge clk) begin
        goes <= reset ? 0 : {goes[LATENCY-2:0], turns};
        ends <= reset ? 0 : {ends[LATENCY-2:0], turns && is_last};
        begins <= {begins[LATENCY-2:0], is_first};
        groups <= {groups[(LATENCY-4)*GROUP_BITS-1:0], group};
    end
    // The biases arrive with the first sum that is added to them.
    logic [PE*ACC_BITS-1:0] started;
    generate
        if (BIASES != "") begin : biased
            rom #(
                .WIDTH(PE * ACC_BITS),
                .DEPTH(GROUPS),
                .WORDS(BIASES),
                .STORAGE("distributed")
            ) bias_rom (
                .clk(clk),
                .address(groups[(LATENCY-4)*GROUP_BITS+:GROUP_BITS]),
                .read(started)
            );
        end else begin : unbiased
            assign started = 0;
        end
    endgenerate
    assign out_valid = ends[LATENCY-1];

    // The products of a turn, added up: LATENCY - 3 cycles behind the memories.
    logic [PE*ADDED_BITS-1:0] added;
    generate
        if (SHARING > 1) begin : packed_products
            packed_array #(
                .PE(PE),
                .SIMD(SIMD),
                .ACT_BITS(ACT_BITS),
                .ACT_SIGNED(ACT_SIGNED),
                .WEIGHT_BITS(WEIGHT_BITS),
                .SHARING(SHARING)
            ) products (
                .clk(clk),
                .values(values),
                .factors(weights),
                .sums(added)
            );
        end else begin : plain_products
            product_array #(
                .PE(PE),
                .SIMD(SIMD),
                .ACT_BITS(ACT_BITS),
                .ACT_SIGNED(ACT_SIGNED),
                .WEIGHT_BITS(WEIGHT_BITS),
                .IN_LUTS(IN_LUTS)
            ) products (
                .clk(clk),
                .values(values),
                .factors(weights),
                .sums(added)
            );
        end

        for (genvar pe = 0; pe < PE; pe++) begin : results
            logic signed [ACC_BITS-1:0] sum;
            /* verilator lint_off UNUSEDSIGNAL */  // sums that are known to be small need fewer bits
            logic signed [ADDED_BITS-1:0] of_turn;
            /* verilator lint_on UNUSEDSIGNAL */
            assign of_turn = added[pe*ADDED_BITS+:ADDED_BITS];
            always_ff @(posedge clk) begin
                if (goes[LATENCY-2])
                    sum <= (begins[LATENCY-2] ? started[pe*ACC_BITS+:ACC_BITS] : sum) + ACC_BITS'(of_turn);
            end
            assign out_data[pe*ACC_BITS+:ACC_BITS] = sum;
        end
    endgenerate
endmodule
