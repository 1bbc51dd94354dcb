// The self-checking test bench, for any simulator of SystemVerilog: FRAMES frames back to back, first at full speed, then
// with random stalls at both ends. It ends with PASS, or stops at the first wrong result. Run it where the .mem files are.
`timescale 1ns / 1ps
module testbench #(
    parameter FRAMES = 2    // at most 2
);
    localparam BEATS = 36;
    localparam RESULTS = 5;
    localparam PATIENCE = 10 * 864 + 100000;  // cycles in which nothing moves

    logic clk = 0;
    logic reset = 1;
    logic images_tvalid = 0;
    logic images_tready;
    logic [31:0] images_tdata;
    logic results_tvalid, results_tlast;
    logic results_tready = 0;
    logic [31:0] results_tdata;
    logic [3:0] results_tkeep;

    layer_small network (
        .clk(clk),
        .reset(reset),
        .images_tvalid(images_tvalid),
        .images_tready(images_tready),
        .images_tdata(images_tdata),
        .results_tvalid(results_tvalid),
        .results_tready(results_tready),
        .results_tdata(results_tdata),
        .results_tkeep(results_tkeep),
        .results_tlast(results_tlast)
    );
    always #5 clk = !clk;

    logic [31:0] images[0:2*BEATS-1];
    logic [31:0] expected[0:2*RESULTS-1];
    initial begin
        $readmemh("images.mem", images);
        $readmemh("expected.mem", expected);
    end

    // Stalls in one cycle of four, and now and then for long.
    int seed = 2026;
    int send_stall = 0;
    int take_stall = 0;
    function automatic int stall();
        int drawn = $urandom(seed) & 1023;
        seed = seed + 1;
        return drawn < 16 ? 5000 : drawn < 256 ? drawn & 15 : 0;
    endfunction

    int sent = 0;
    int taken = 0;
    int quiet = 0;
    int cycle = 0;
    int first_beat = -1;
    int last_end = 0;
    logic stalls = 0;
    logic was_sent, was_taken;  // what passed at the rising edge
    assign images_tdata = images[sent < FRAMES * BEATS ? sent : 0];

    // Everything is driven at the falling edge, and looked at just before the rising one.
    initial begin
        repeat (4) @(negedge clk);
        reset = 0;
        for (int pass = 0; pass < 2; pass++) begin
            stalls = pass == 1;
            sent = 0;
            taken = 0;
            first_beat = -1;
            while (taken < FRAMES * RESULTS) begin
                if (!images_tvalid && sent < FRAMES * BEATS) begin
                    if (send_stall > 0) send_stall--;
                    else images_tvalid = 1;
                end
                if (take_stall > 0) take_stall--;
                results_tready = take_stall == 0;
                #4;
                quiet++;
                if (images_tvalid && images_tready) begin
                    if (first_beat < 0) first_beat = cycle;
                    quiet = 0;
                end
                if (results_tvalid && results_tready) begin
                    // Not equal also where a bit is unknown.
                    if (results_tdata !== expected[taken]) begin
                        $display("FAIL: frame %0d result %0d is %0d, expected %0d", taken / RESULTS, taken % RESULTS,
                                 $signed(results_tdata), $signed(expected[taken]));
                        $fatal(1);
                    end
                    if (results_tlast !== (taken % RESULTS == RESULTS - 1) || results_tkeep !== 15) begin
                        $display("FAIL: TLAST or TKEEP of frame %0d result %0d", taken / RESULTS, taken % RESULTS);
                        $fatal(1);
                    end
                    if (results_tlast) begin
                        if (taken < RESULTS) $display("latency %0d cycles", cycle - first_beat);
                        else if (taken == FRAMES * RESULTS - 1) $display("interval %0d cycles", cycle - last_end);
                        last_end = cycle;
                    end
                    quiet = 0;
                end
                if (quiet > PATIENCE) begin
                    $display("FAIL: nothing moves after result %0d of %0d", taken, FRAMES * RESULTS);
                    $fatal(1);
                end
                @(negedge clk);
                cycle++;
                if (was_sent) begin
                    sent++;
                    images_tvalid = 0;
                    if (stalls) send_stall = stall();
                end
                if (was_taken) begin
                    taken++;
                    if (stalls) take_stall = stall();
                end
            end
            $display("%0d frames are right, %s stalls", FRAMES, stalls ? "with" : "without");
        end
        $display("PASS");
        $finish;
    end
    always @(posedge clk) begin
        was_sent = images_tvalid && images_tready;
        was_taken = results_tvalid && results_tready;
    end
endmodule
