// The average of all pixels of each channel, LANES channels a cycle.
//
// The average is the sum itself, with more bits behind the point, where the area is a power of two. Elsewhere the sum,
// shifted up by MORE bits, is divided by the area, towards zero: it is multiplied by FACTOR and shifted down by DOWN,
// which is exact for every sum of an area.
module global_average #(
    parameter PIXELS = 1,
    parameter CHANNELS = 1,
    parameter LANES = 1,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter MORE = 0,
    parameter [63:0] FACTOR = 1,
    parameter DOWN = 0,               // 0: the area is a power of two
    parameter SHIFT = 0,              // from the average to the result
    parameter OUT_BITS = 8,
    parameter OUT_SIGNED = 0,
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [LANES*ACT_BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [LANES*OUT_BITS-1:0] out_data
);
    localparam LATENCY = DOWN > 0 ? 8 : 4;
    localparam WORDS = CHANNELS / LANES;
    localparam SUM_BITS = ACT_BITS + $clog2(PIXELS) + 1;
    localparam AVERAGE_BITS = DOWN > 0 ? SUM_BITS + MORE : SUM_BITS;
    localparam PIXEL_BITS = $clog2(PIXELS + 1);
    localparam WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;

    logic room, turns, is_first, is_last, is_last_word;
    logic [PIXEL_BITS-1:0] pixel;
    logic [WORD_BITS-1:0] word;
    assign turns = room && in_valid;
    assign in_ready = room;
    assign is_last_word = word == WORD_BITS'(WORDS - 1);
    assign is_last = pixel == PIXEL_BITS'(PIXELS - 1);
    always_ff @(posedge clk) begin
        if (reset) begin
            pixel <= 0;
            word <= 0;
            is_first <= 1;
        end else if (turns) begin
            word <= is_last_word ? 0 : word + 1;
            if (is_last_word) begin
                pixel <= is_last ? 0 : pixel + 1;
                is_first <= is_last;
            end
        end
    end

    // A turn goes through a register. The sums of its channels are those of WORDS turns before: the last turn's are in
    // a register, which is the only one where all channels come in one word, and those before it in LUT RAM.
    logic comes, starts, ends, has_sums, has_averages;
    logic [LANES*ACT_BITS-1:0] came;
    always_ff @(posedge clk) begin
        comes <= turns && !reset;
        starts <= is_first;
        ends <= is_last;
        came <= in_data;
        has_sums <= comes && ends && !reset;
    end
    logic [LANES*SUM_BITS-1:0] sums, newest_sums;
    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : lanes
            logic [SUM_BITS-1:0] value, sum;
            assign value = SUM_BITS'($signed({
                ACT_SIGNED != 0 && came[lane*ACT_BITS+ACT_BITS-1], came[lane*ACT_BITS+:ACT_BITS]
            }));
            assign sum = sums[lane*SUM_BITS+:SUM_BITS];
            always_ff @(posedge clk) if (comes) newest_sums[lane*SUM_BITS+:SUM_BITS] <= (starts ? 0 : sum) + value;
        end
        if (WORDS == 1) begin : of_one_word
            assign sums = newest_sums;
        end else begin : of_words
            delay #(
                .WORDS(WORDS - 1),
                .WIDTH(LANES * SUM_BITS)
            ) kept_sums (
                .clk(clk),
                .reset(reset),
                .turns(comes),
                .written(newest_sums),
                .read(sums)
            );
        end
    endgenerate
    logic [LANES*AVERAGE_BITS-1:0] averages;

    generate
        if (DOWN > 0) begin : divides
            logic [3:0] valid;
            always_ff @(posedge clk) valid <= reset ? 0 : {valid[2:0], has_sums};
            assign has_averages = valid[3];
            for (genvar lane = 0; lane < LANES; lane++) begin : lanes
                logic signed [SUM_BITS-1:0] sum;
                logic [SUM_BITS-1:0] size;
                logic [SUM_BITS+MORE+DOWN:0] product, moved;
                logic [2:0] is_negative;
                logic [AVERAGE_BITS-1:0] quotient;
                assign sum = newest_sums[lane*SUM_BITS+:SUM_BITS];
                assign quotient = AVERAGE_BITS'(moved >> DOWN);
                always_ff @(posedge clk) begin
                    size <= sum < 0 ? -sum : sum;
                    is_negative <= {is_negative[1:0], sum < 0};
                    product <= (SUM_BITS + MORE + DOWN + 1)'(size) * (SUM_BITS + MORE + DOWN + 1)'(FACTOR << MORE);
                    moved <= product;
                    averages[lane*AVERAGE_BITS+:AVERAGE_BITS] <= is_negative[2] ? -quotient : quotient;
                end
            end
        end else begin : as_it_is
            assign has_averages = has_sums;
            assign averages = newest_sums;
        end
    endgenerate

    logic has_codes;
    logic [LANES*OUT_BITS-1:0] codes;
    requantise #(
        .LANES(LANES),
        .IN_BITS(AVERAGE_BITS),
        .SHIFT(SHIFT),
        .OUT_BITS(OUT_BITS),
        .OUT_SIGNED(OUT_SIGNED)
    ) codes_of_averages (
        .clk(clk),
        .in_valid(has_averages),
        .in_data(averages),
        .out_valid(has_codes),
        .out_data(codes)
    );
    fifo #(
        .WIDTH(LANES * OUT_BITS),
        .DEPTH(FIFO_DEPTH),
        .SLACK(LATENCY + 1),
        .STORAGE(FIFO_IN)
    ) words (
        .clk(clk),
        .reset(reset),
        .in_valid(has_codes),
        .in_ready(room),
        .in_data(codes),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
