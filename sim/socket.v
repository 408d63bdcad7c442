// The ports that bench.v drives, around a module of someone else's.
// In capitals: what differs from module to module.
`timescale 1ns/1ps
module bittrue_socket (
    input wire clk, input wire rst, input wire hold, output wire idle, output wire framing_error,
    input wire i__valid, output wire i__ready, input wire [BEAT_BITS-1:0] i__payload,
    output wire o__valid, input wire o__ready, output wire [OUTPUT_BITS-1:0] o__payload,
    input wire load__valid, output wire load__ready, input wire [LOAD_BITS-1:0] load__payload,
    input wire loaded__ready
);
    // a reset of eight cycles, and nothing moves meanwhile
    reg [3:0] begun = 0;
    wire resetting = !begun[3];
    always @(posedge clk) if (resetting) begun <= begun + 1;

    wire dut_i_ready, dut_o_valid, dut_load_ready, dut_idle, dut_framing_error, dut_last;
    wire [DUT_BITS-1:0] dut_payload;
    INSTANCE dut (
        CONNECTIONS
    );

    // of one that does not stop no more is seen than shows it
    reg [31:0] beat = 0, quiet = 0, given = 0;
    wire o_last = GIVEN_LAST;
    assign i__ready = dut_i_ready & !resetting;
    assign o__valid = dut_o_valid & !resetting & given != MOST;
    assign o__payload = GIVEN;
    assign load__ready = LOAD_READY & !resetting;
    assign framing_error = SAID_FRAMING & !resetting;
    assign idle = SAID_IDLE & quiet == QUIET;
    always @(posedge clk) begin
        if (o__valid & o__ready) begin
            beat <= o_last ? 0 : beat + 1;
            given <= given + 1;
        end
        if (!hold | o__valid | resetting) quiet <= 0;
        else if (quiet != QUIET) quiet <= quiet + 1;
    end
endmodule
