// The layer `dense`, and a convolution behind its windows: sums of products, which become codes of the result's tensor.
//
// Words of TAKES values come, words of PUTS results leave; see `matrix_vector` for the rest.
module dense #(
    parameter INPUTS = 1,
    parameter OUTPUTS = 1,
    parameter PE = 1,
    parameter SIMD = 1,
    parameter COLUMNS = 1,
    parameter FRESH = INPUTS / SIMD,
    parameter TAKES = SIMD,
    parameter PUTS = PE,
    parameter SPARE = 0,        // of these the last that are no results, where OUTPUTS were filled up to a multiple of PE
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter WEIGHT_BITS = 8,
    parameter SHARING = 1,
    parameter IN_LUTS = 0,
    parameter ACC_BITS = 24,
    parameter SHIFT = 8,
    parameter OUT_BITS = 8,
    parameter OUT_SIGNED = 0,
    parameter WEIGHTS = "weights.mem",
    parameter BIASES = "biases.mem",   // "": there are none
    parameter WEIGHTS_IN = "block",
    parameter KEPT_IN = "distributed",
    parameter STEPS = 0,               // where there are thresholds, they and not SHIFT make the codes (`threshold_search`)
    parameter SEARCHED = PE,
    parameter THRESHOLD_GROUPS = 1,
    parameter BELOW = 0,
    parameter FALLS = 0,
    parameter THRESHOLDS = "thresholds",
    parameter BLOCK_FROM = STEPS,
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [TAKES*ACT_BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [(PUTS-SPARE)*OUT_BITS-1:0] out_data
);
    // From a turn to the FIFO, and back: whether there is room comes through a register, since the FIFO may be far.
    localparam LATENCY = 10 + $clog2(SIMD) + (STEPS > 0 ? 2 * STEPS + PE / SEARCHED + 1 : 2);
    localparam PERIOD = INPUTS / SIMD * (PUTS / PE);        // turns of a word that leaves

    logic given, takes;
    logic [SIMD*ACT_BITS-1:0] values;
    narrow #(
        .IN_LANES(TAKES),
        .OUT_LANES(SIMD),
        .BITS(ACT_BITS)
    ) apart (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .in_data(in_data),
        .out_valid(given),
        .out_ready(takes),
        .out_data(values)
    );

    logic has_sums, room, has_room;
    always_ff @(posedge clk) has_room <= room && !reset;
    logic [PE*ACC_BITS-1:0] sums;
    matrix_vector #(
        .PE(PE),
        .SIMD(SIMD),
        .INPUTS(INPUTS),
        .OUTPUTS(OUTPUTS),
        .COLUMNS(COLUMNS),
        .FRESH(FRESH),
        .ACT_BITS(ACT_BITS),
        .ACT_SIGNED(ACT_SIGNED),
        .WEIGHT_BITS(WEIGHT_BITS),
        .SHARING(SHARING),
        .IN_LUTS(IN_LUTS),
        .ACC_BITS(ACC_BITS),
        .WEIGHTS(WEIGHTS),
        .BIASES(BIASES),
        .WEIGHTS_IN(WEIGHTS_IN),
        .KEPT_IN(KEPT_IN)
    ) multipliers (
        .clk(clk),
        .reset(reset),
        .in_valid(given),
        .in_ready(takes),
        .in_data(values),
        .out_valid(has_sums),
        .out_ready(has_room),
        .out_data(sums)
    );

    localparam LANES = STEPS > 0 ? SEARCHED : PE;
    logic has_codes, has_word;
    logic [LANES*OUT_BITS-1:0] codes;
    /* verilator lint_off UNUSEDSIGNAL */  // the spare ones
    logic [PUTS*OUT_BITS-1:0] results;
    /* verilator lint_on UNUSEDSIGNAL */
    generate
        if (STEPS > 0) begin : by_thresholds
            threshold_search #(
                .LANES(PE),
                .SEARCHED(SEARCHED),
                .GROUPS(THRESHOLD_GROUPS),
                .IN_BITS(ACC_BITS),
                .STEPS(STEPS),
                .BELOW(BELOW),
                .FALLS(FALLS),
                .OUT_BITS(OUT_BITS),
                .THRESHOLDS(THRESHOLDS),
                .BLOCK_FROM(BLOCK_FROM)
            ) codes_of_sums (
                .clk(clk),
                .reset(reset),
                .in_valid(has_sums),
                .in_data(sums),
                .out_valid(has_codes),
                .out_data(codes)
            );
        end else begin : by_shift
            requantise #(
                .LANES(PE),
                .IN_BITS(ACC_BITS),
                .SHIFT(SHIFT),
                .OUT_BITS(OUT_BITS),
                .OUT_SIGNED(OUT_SIGNED)
            ) codes_of_sums (
                .clk(clk),
                .in_valid(has_sums),
                .in_data(sums),
                .out_valid(has_codes),
                .out_data(codes)
            );
        end
    endgenerate
    widen #(
        .IN_LANES(LANES),
        .OUT_LANES(PUTS),
        .BITS(OUT_BITS)
    ) together (
        .clk(clk),
        .reset(reset),
        .in_valid(has_codes),
        .in_ends(1'b0),
        .in_data(codes),
        .out_valid(has_word),
        .out_data(results)
    );
    fifo #(
        .WIDTH((PUTS - SPARE) * OUT_BITS),
        .DEPTH(FIFO_DEPTH),
        .SLACK(LATENCY / PERIOD + 1),
        .STORAGE(FIFO_IN)
    ) words (
        .clk(clk),
        .reset(reset),
        .in_valid(has_word),
        .in_ready(room),
        .in_data(results[(PUTS-SPARE)*OUT_BITS-1:0]),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
