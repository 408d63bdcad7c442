// Drives a machine through one session after the other, and writes down what moves.
// In capitals: what differs from machine to machine.
`timescale 1ns/1ps
module bench;
    reg clk = 0, hold = 1, i_valid = 0, o_ready = 1, load_valid = 0;
    reg [BEAT_BITS-1:0] i_payload = 0;
    reg [LOAD_BITS-1:0] load_payload = 0;
    wire i_ready, o_valid, load_ready, idle, framing_error;
    wire [OUTPUT_BITS-1:0] o_payload;
    // what is written down is padded to whole words of 64 bits
    wire [OUTPUT_WORDS*64-1:0] output_words = o_payload;
    reg count_clear = 0;
    reg [31:0] count_address = 0;
    wire [31:0] count;
DECLARATIONS
    network dut (
        .clk(clk), .rst(1'b0), .hold(hold), .idle(idle), .framing_error(framing_error),
        .i__valid(i_valid), .i__ready(i_ready), .i__payload(i_payload),
        .o__valid(o_valid), .o__ready(o_ready), .o__payload(o_payload),
        .load__valid(load_valid), .load__ready(load_ready), .load__payload(load_payload),
        .loaded__ready(1'b0)PORTS
    );

    integer plan, loads, beats, accepted_log, output_log, count_log, session_log, found;
    integer STROBE_LOGS source_seed, sink_seed;
    reg [63:0] cycle = 0, moved = 0, idle_limit = 0, finished = 0, finished_before = 0;
    reg [63:0] load_count = 0, beat_count = 0, samples = 0, n = 0;
    reg [31:0] threshold = 0, address = 0;
    reg accepted = 0, given = 0, loaded = 0, idle_seen = 0, stalled = 0, any = 0;
    reg [8191:0] path;

    // One cycle: what is seen when the inputs have settled, then the edge.
    task tick(input bounded);
        begin
            #1;
            accepted = i_valid & i_ready;
            given = o_valid & o_ready;
            loaded = load_valid & load_ready;
            idle_seen = idle;
            if (bounded && cycle - moved > idle_limit) begin
                $fdisplay(session_log, "%h%h%h", cycle, 64'd1, 64'd0);
                $finish;
                #1;
            end
            finished_before = finished;
            any = accepted | given | loaded;
            if (accepted) $fdisplay(accepted_log, "%h", cycle);
            if (given) begin
                $fdisplay(output_log, "%h%h", cycle, output_words);
                if (o_payload[OUTPUT_BITS-1]) begin
                    finished = finished + 1;
                    $display("finished");
                end
            end
STROBES
            if (any) moved = cycle;
            clk = 1;
            #1;
            clk = 0;
            cycle = cycle + 1;
            if (threshold != 0) o_ready = $unsigned($random(sink_seed)) >= threshold;
        end
    endtask

    task drain;
        begin
            hold = 1;
            tick(1);
            while (!idle_seen) tick(1);
        end
    endtask

    task load;
        for (n = 0; n < load_count; n = n + 1) begin
            found = $fscanf(loads, "%h", load_payload);
            load_valid = 1;
            tick(1);
            while (!loaded) tick(1);
            load_valid = 0;
        end
    endtask

    task feed;
        begin
            hold = 0;
            for (n = 0; n < beat_count; n = n + 1) begin
                while ($unsigned($random(source_seed)) < threshold) tick(0);
                found = $fscanf(beats, "%h", i_payload);
                i_valid = 1;
                tick(1);
                while (!accepted) tick(1);
                i_valid = 0;
            end
            while (finished_before < samples) tick(1);
        end
    endtask

    task read_counts;
        begin
            for (address = 0; address < COUNTS; address = address + 1) begin
                count_address = address;
                tick(0);
                $fdisplay(count_log, "%h", {32'b0, count});
            end
            count_clear = 1;
            tick(0);
            count_clear = 0;
        end
    endtask

    initial begin
        plan = $fopen("plan.hex", "r");
        loads = $fopen("loads.hex", "r");
        beats = $fopen("beats.hex", "r");
        accepted_log = $fopen("accepted.log", "w");
        output_log = $fopen("output.log", "w");
        count_log = $fopen("count.log", "w");
        session_log = $fopen("session.log", "w");
OPENED
        if ($value$plusargs("waves=%s", path)) begin
            $dumpfile(path);
            $dumpvars(0, dut);
        end
        found = $fscanf(plan, "%h %h %h %h", idle_limit, threshold, source_seed, sink_seed);
        while ($fscanf(plan, "%h %h %h", load_count, beat_count, samples) == 3) begin
            finished = 0;
            finished_before = 0;
            drain;
            load;
            feed;
            drain;
            if (COUNTS != 0) read_counts;
            $fdisplay(session_log, "%h%h%h", cycle, 64'd0, {63'b0, framing_error});
        end
        $finish;
    end
endmodule
