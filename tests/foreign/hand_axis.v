// As hand.v, an input a beat, in words of 6 bits padded to bytes; weights from a file.
module hand_axis (
    input wire aclk, input wire aresetn,
    input wire [7:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    input wire s_axis_tlast,
    output wire [15:0] m_axis_tdata, output reg m_axis_tvalid, input wire m_axis_tready,
    output wire m_axis_tlast
);
    reg signed [7:0] weights [0:3];
    initial $readmemh("hand.mem", weights);
    reg signed [19:0] first, second;
    reg second_input;
    function signed [7:0] relu(input signed [19:0] sum);
        relu = sum < 0 ? 0 : sum >= 496 ? 31 : sum >>> 4;
    endfunction
    wire signed [7:0] a = s_axis_tdata;
    assign s_axis_tready = !m_axis_tvalid | m_axis_tready;
    assign m_axis_tdata = {relu(second), relu(first)};
    assign m_axis_tlast = 1;
    always @(posedge aclk)
        if (!aresetn) begin
            m_axis_tvalid <= 0;
            second_input <= 0;
        end else begin
            if (s_axis_tready) m_axis_tvalid <= s_axis_tvalid & s_axis_tlast;
            if (s_axis_tready & s_axis_tvalid) begin
                first <= (second_input ? first : 0) + weights[second_input] * a;
                second <= (second_input ? second : 0) + weights[2 + second_input] * a;
                second_input <= !s_axis_tlast;
            end
        end
endmodule
