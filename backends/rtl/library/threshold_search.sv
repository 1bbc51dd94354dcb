// Codes of integers: which of the thresholds of its channel each has reached, found bit by bit.
//
// A channel has 2**STEPS - 1 ascending thresholds; those that it does not need are out of reach, or always reached. A stage
// for every bit of the code, the upper one first, reads the threshold in the middle of what is left, and compares. The code
// is the number of thresholds reached (of a channel that falls: of those not reached), where BELOW less 2**(STEPS - 1).
//
// LANES integers come at a time, and SEARCHED of them are searched for a cycle: no further ones may come before the last of
// them. Nothing is ever stalled: the first codes leave 2 * STEPS cycles after they began, a cycle later if LANES are more.
//
// Stage n reads THRESHOLDS_n.mem: a word for each group of SEARCHED channels, for each place so far, for each of 2**LANE_BITS
// lanes. Where FALLS, the words of the first stage have one bit more on top: the channel falls.
module threshold_search #(
    parameter LANES = 1,
    parameter SEARCHED = LANES,
    parameter GROUPS = 1,          // of SEARCHED channels, until they come again; 1 where all channels are alike
    parameter IN_BITS = 24,
    parameter IN_SIGNED = 1,
    parameter STEPS = 4,
    parameter BELOW = 0,
    parameter FALLS = 0,
    parameter OUT_BITS = 4,
    parameter THRESHOLDS = "thresholds",
    parameter BLOCK_FROM = STEPS   // stages from this on keep their thresholds in block RAM, those before in LUTs
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    input logic [LANES*IN_BITS-1:0] in_data,
    output logic out_valid,
    output logic [SEARCHED*OUT_BITS-1:0] out_data
);
    localparam BITS = IN_BITS + (IN_SIGNED != 0 ? 1 : 2);  // of a threshold: one more than of what is compared
    localparam GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1;
    localparam LANE_BITS = $clog2(SEARCHED);
    localparam [STEPS-1:0] HALF = STEPS'(BELOW != 0 ? 1 << STEPS - 1 : 0);

    logic begins;
    logic [SEARCHED*IN_BITS-1:0] searched;
    /* verilator lint_off PINCONNECTEMPTY */
    narrow #(
        .IN_LANES(LANES),
        .OUT_LANES(SEARCHED),
        .BITS(IN_BITS)
    ) in_turn (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid),
        .in_ready(),
        .in_data(in_data),
        .out_valid(begins),
        .out_ready(1'b1),
        .out_data(searched)
    );
    /* verilator lint_on PINCONNECTEMPTY */

    logic [GROUP_BITS-1:0] group;
    logic [2*STEPS-1:0] valid;
    /* verilator lint_off UNUSEDSIGNAL */  // the group as it leaves the last stage
    logic [2*STEPS*GROUP_BITS-1:0] earlier;
    logic [(2*STEPS+1)*GROUP_BITS-1:0] groups;
    /* verilator lint_on UNUSEDSIGNAL */
    assign groups = {earlier, group};
    assign out_valid = valid[2*STEPS-1];
    always_ff @(posedge clk) begin
        if (reset) group <= 0;
        else if (begins) group <= group == GROUP_BITS'(GROUPS - 1) ? 0 : group + 1;
        valid <= reset ? 0 : {valid[2*STEPS-2:0], begins};
        earlier <= groups[0+:2*STEPS*GROUP_BITS];
    end

    generate
        for (genvar lane = 0; lane < SEARCHED; lane++) begin : lanes
            // In front of each stage, and behind the last: the integer, the place so far and whether the channel falls.
            /* verilator lint_off UNUSEDSIGNAL */  // the integer behind the last stage
            logic [(STEPS+1)*BITS-1:0] integers;
            logic [(STEPS+1)*STEPS-1:0] places;
            logic [STEPS:0] falls;
            /* verilator lint_on UNUSEDSIGNAL */
            assign integers[0+:BITS] = BITS'($signed({
                IN_SIGNED != 0 && searched[lane*IN_BITS+IN_BITS-1], searched[lane*IN_BITS+:IN_BITS]
            }));
            assign places[0+:STEPS] = 0;
            assign falls[0] = 0;

            for (genvar step = 0; step < STEPS; step++) begin : steps
                localparam MARK = step == 0 && FALLS != 0 ? 1 : 0;
                localparam DEPTH = GROUPS << step + LANE_BITS;
                localparam ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;

                logic [BITS-1:0] value, value_then, value_next;
                logic [STEPS-1:0] place, place_then, place_next;
                logic falls_then, falls_next;
                /* verilator lint_off UNUSEDSIGNAL */  // its upper bits
                logic [31:0] address;
                /* verilator lint_on UNUSEDSIGNAL */
                logic [BITS+MARK-1:0] word;
                assign value = integers[step*BITS+:BITS];
                assign place = places[step*STEPS+:STEPS];
                assign address = (32'(groups[2*step*GROUP_BITS+:GROUP_BITS]) << step | 32'(place)) << LANE_BITS | lane;
                rom #(
                    .WIDTH(BITS + MARK),
                    .DEPTH(DEPTH),
                    .WORDS({THRESHOLDS, "_", 8'(48 + step), ".mem"}),
                    .STORAGE(step < BLOCK_FROM ? "distributed" : "block"),
                    .REGISTERED(0)
                ) thresholds (
                    .clk(clk),
                    .address(address[ADDRESS_BITS-1:0]),
                    .read(word)
                );
                always_ff @(posedge clk) begin
                    value_then <= value;
                    place_then <= place;
                    falls_then <= falls[step];
                    value_next <= value_then;
                    place_next <= STEPS'({place_then, $signed(value_then) >= $signed(word[BITS-1:0])});
                    falls_next <= MARK != 0 ? word[BITS+MARK-1] : falls_then;
                end
                assign integers[(step+1)*BITS+:BITS] = value_next;
                assign places[(step+1)*STEPS+:STEPS] = place_next;
                assign falls[step+1] = falls_next;
            end

            logic [STEPS-1:0] code;
            assign code = places[STEPS*STEPS+:STEPS] ^ {STEPS{falls[STEPS]}} ^ HALF;
            if (BELOW != 0) begin : with_sign
                assign out_data[lane*OUT_BITS+:OUT_BITS] = OUT_BITS'($signed(code));
            end else begin : without_sign
                assign out_data[lane*OUT_BITS+:OUT_BITS] = OUT_BITS'(code);
            end
        end
    endgenerate
endmodule
