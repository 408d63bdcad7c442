"""Single values that readers do not expect: numbers, texts, and whole tokens of each format."""

NUMBERS = (
    *("0", "1", "-1", "2", "3", "63", "64", "65", "255", "256", "1000", "4096", "-0"),
    *("2147483647", "2147483648", "4294967295", "-2147483649", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775808", "18446744073709551615", "1" * 40),
    *("1" * 5000, "-" + "9" * 4400, "1e308", "1e309", "-1e400", "1e-400", "5e-324", "0.5"),
    *("1_000", "0x10", "0o7", "0b1", "+1", "01", "1.", ".5", "1e", "--1", "٣", "1,5"),
    *("nan", "NaN", "inf", "-Infinity", "Infinity", "null", "true", "false"),
)

TEXTS = (
    *("", " ", "a", "../../etc/passwd", "/dev/zero", "/dev/stdin", "C:\\x", "\\\\host\\x", "."),
    *("a\nb", "a\rb", "\x1b[2J\x1b]0;x\x07", "\x00", "\x7f", "\u202e", "\ufeff", "é", "\U0001f600"),
    *("%s%n", "{0.__class__}", "$(id)", "`id`", "'; DROP TABLE rows; --", "__proto__"),
    *("A" * 300, "A" * 20_000, "fxp-s8/4", "fxp-s63/0", "fxp-u1/-1000", "fxp-s64/0", "fxp-s0/0"),
    *("fxp-s8/" + "9" * 5000, "Q4.4", "Q-1.9", "uq8.8", "ap_fixed<8,4>", "ap_ufixed<8,4,AP_TRN>"),
    *("sfix8_En4", "s8.4", "TRN", "AP_RND_CONV", "WRAP", "SAT_SYM", "plan", "fit", "exact", "step"),
    *("sigmoid", "digits", "mnist", "held-out", "observed", "l1", "worst", "auto", ">= 1e999"),
    *("<= 0", ">= " + "9" * 5000, "book", "gradient", "relu", "ecp5", "ice40", "xc7", "synthesis"),
)

TOKENS = {
    "json": (
        *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"\\u0000", b"\\ud800", b"null"),
        *(b"true", b"NaN", b"-Infinity", b"1e999", b"[[[[", b'{"a":', b"\xff", b"\xef\xbb\xbf"),
        *(b"\xed\xa0\x80", b"\x00", b'"segments"', b'"mirror"', b'"version"', b'"training"'),
    ),
    "toml": (
        *(b"=", b"[", b"]", b"[[", b"]]", b"{", b"}", b'"""', b"'''", b"'", b'"', b"#", b"\n"),
        *(b".", b",", b"\\", b"\\UFFFFFFFF", b"1979-05-27T07:32:00Z", b"07:32:00", b"inf", b"nan"),
        *(b"true", b"0x", b"1e999", b"\xff", b"\x00", b"a.b.c.d=1", b"[space]", b"[network]"),
    ),
    "csv": (
        *(b",", b"\n", b"\r", b"\r\n", b'"', b'""', b"\x00", b"#", b"# seeds: ", b"# source: x"),
        *(b"golden", b"width", b"accuracy", b"nan", b"inf", b"1e999", b"-0", b"0x1", b"1_0"),
        *(
            b"\xff",
            b"\xef\xbb\xbf",
            b"\xd9\xa3",
            b"\x1b[2J",
            b"\x1f\x8b",
            b";",
            b"\t",
            b"\v",
            b"\x85",
        ),
    ),
    "idx": (b"\x00\x00\x08\x03", b"\x00\x00\x08\x01", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00"),
    "npz": (
        *(b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\xff" * 4),
        *(b"\xff" * 8, b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00", b"'descr'", b"'<f8'", b"'|O'"),
        *(b"(3, 4)", b"(-1,)", b"(4294967296, 4294967296)", b"True", b"\x08\x00", b"\x01\x00"),
    ),
    "sqlite": (
        *(b"CREATE TABLE", b"CREATE VIEW", b"rows", b"config", b"\x00\x00\x00\x01", b"\xff" * 9),
        *(b"\x0d", b"\x05", b"\x02\x02", b"\x01\x01", b"btru", b"designs", b"networks"),
    ),
    "onnx": (
        *(b"\x0a", b"\x12", b"\x3a", b"\x0a\x00", b"\x2a\x00", b"\xff" * 9, b"\x80\x01"),
        *(b"Gemm", b"Quant", b"qonnx.custom_op.general", b"location", b"../", b"\x70\x01"),
    ),
    "keras": (
        *(b"\x89HDF\r\n\x1a\n", b"OHDR", b"OCHK", b"FRHP", b"BTHD", b"TREE", b"SNOD", b"HEAP"),
        *(b"PK\x03\x04", b"Dense", b"vars", b"layers", b"\xff" * 8, b"\x00" * 8, b"\x01\x10"),
    ),
    "safetensors": (
        *(b'"dtype":"F32"', b'"shape":[0]', b'"data_offsets":[0,0]', b".weight", b".bias", b"{"),
        *(b"}", b"9" * 5000, b"\xff" * 8, b'"__metadata__":1', b"BF16"),
    ),
}
"""By kind of file: what its grammar is made of, and what upsets it."""
