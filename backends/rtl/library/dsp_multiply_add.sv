// One DSP48E1: a * b + cascade_in (CASCADED), or a * b + ADDEND, with registers before the multiplier, behind it and
// behind the sum. With two INPUT_REGISTERS everything is a cycle later.
//
// Synthesis is given the primitive by name: a cascade with a second input register inside the slice is nothing that all
// tools infer alike. Elsewhere plain code stands for it, and the tests hold the two equal.
module dsp_multiply_add #(
    parameter INPUT_REGISTERS = 1,
    parameter CASCADED = 0,
    parameter [47:0] ADDEND = 0
) (
    input logic clk,
    input logic [24:0] a,
    input logic [17:0] b,
    input logic [47:0] cascade_in,
    output logic [47:0] cascade_out,
    output logic [47:0] sum
);
`ifdef SYNTHESIS
    DSP48E1 #(
        .AREG(INPUT_REGISTERS),
        .ACASCREG(INPUT_REGISTERS),
        .BREG(INPUT_REGISTERS),
        .BCASCREG(INPUT_REGISTERS),
        .CREG(0),
        .DREG(0),
        .ADREG(0),
        .MREG(1),
        .PREG(1),
        .ALUMODEREG(0),
        .CARRYINREG(0),
        .CARRYINSELREG(0),
        .INMODEREG(0),
        .OPMODEREG(0),
        .USE_MULT("MULTIPLY"),
        .USE_DPORT("FALSE")
    ) slice (
        .CLK(clk),
        .A({{5{a[24]}}, a}),
        .B(b),
        .C(ADDEND),
        .D(25'd0),
        .PCIN(cascade_in),
        .PCOUT(cascade_out),
        .P(sum),
        .OPMODE(CASCADED ? 7'b0010101 : 7'b0110101),  // a * b + PCIN, a * b + C (AMD UG479)
        .ALUMODE(4'd0),
        .INMODE(5'd0),
        .CARRYIN(1'b0),
        .CARRYINSEL(3'd0),
        .CARRYCASCIN(1'b0),
        .MULTSIGNIN(1'b0),
        .ACIN(30'd0),
        .BCIN(18'd0),
        .CEA1(1'b1),
        .CEA2(1'b1),
        .CEB1(1'b1),
        .CEB2(1'b1),
        .CEC(1'b1),
        .CED(1'b1),
        .CEAD(1'b1),
        .CEM(1'b1),
        .CEP(1'b1),
        .CEALUMODE(1'b1),
        .CECARRYIN(1'b1),
        .CECTRL(1'b1),
        .CEINMODE(1'b1),
        .RSTA(1'b0),
        .RSTB(1'b0),
        .RSTC(1'b0),
        .RSTD(1'b0),
        .RSTM(1'b0),
        .RSTP(1'b0),
        .RSTCTRL(1'b0),
        .RSTALLCARRYIN(1'b0),
        .RSTALUMODE(1'b0),
        .RSTINMODE(1'b0),
        .ACOUT(),
        .BCOUT(),
        .CARRYCASCOUT(),
        .CARRYOUT(),
        .MULTSIGNOUT(),
        .OVERFLOW(),
        .UNDERFLOW(),
        .PATTERNDETECT(),
        .PATTERNBDETECT()
    );
`else
    logic signed [24:0] first_a, last_a;
    logic signed [17:0] first_b, last_b;
    logic signed [42:0] product;
    logic [47:0] added;
    always_ff @(posedge clk) begin
        first_a <= a;
        first_b <= b;
        last_a <= INPUT_REGISTERS == 2 ? first_a : a;
        last_b <= INPUT_REGISTERS == 2 ? first_b : b;
        product <= last_a * last_b;
        added <= 48'(product) + (CASCADED ? cascade_in : ADDEND);
    end
    assign sum = added;
    assign cascade_out = added;
`endif
endmodule
