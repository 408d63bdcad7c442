"""Times hls4ml's compiled model and APyTypes; run by `peers` in an environment of its own."""

import json
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
from apytypes import APyFixedArray, OverflowMode, QuantizationMode
from hls4ml.converters.keras_v2_to_hls import keras_v2_to_hls

ROUNDS = 3
WIDTH, FRAC = 16, 12


def median_time(work):
    """Return the median seconds of a few calls, after one that is not counted."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def keras_files(weights):
    """Write a network as Keras would, and return the names of the two files."""
    sizes = [weights[0].shape[1], *(array.shape[0] for array in weights)]
    input_config = {"name": "i", "batch_input_shape": [None, sizes[0]], "dtype": "float32"}
    layers = [
        {"class_name": "InputLayer", "config": input_config, "name": "i", "inbound_nodes": []}
    ]
    before = "i"
    with h5py.File("network.h5", "w") as file:
        for number, outputs in enumerate(sizes[1:]):
            name = f"dense_{number}"
            config = {"name": name, "units": outputs, "activation": "sigmoid", "use_bias": True}
            layers.append(
                {
                    "class_name": "Dense",
                    "name": name,
                    "config": {**config, "dtype": "float32"},
                    "inbound_nodes": [[[before, 0, 0, {}]]],
                }
            )
            group = file.create_group(f"{name}/{name}")
            group["kernel:0"] = np.ldexp(weights[number].T.astype(np.float32), -FRAC)
            group["bias:0"] = np.zeros(outputs, np.float32)
            names = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            file[name].attrs["weight_names"] = names
            before = name
        file.attrs["layer_names"] = [layer["name"].encode() for layer in layers]
        file.attrs["keras_version"] = b"2.10.0"
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [[before, 0, 0]]}
    config = {"name": "network", "layers": layers, **ends}
    network = {"class_name": "Functional", "config": config, "keras_version": "2.10.0"}
    Path("network.json").write_text(json.dumps({**network, "backend": "tensorflow"}))
    return "network.json", "network.h5"


def hls4ml_seconds(weights, values):
    """Return seconds a sample of hls4ml's compiled model, all words ap_fixed<16,4>."""
    architecture, arrays = keras_files(weights)
    model = keras_v2_to_hls(
        {
            "OutputDir": "project",
            "ProjectName": "network",
            "Backend": "Vivado",
            "Part": "xcku115-flvb2104-2-i",
            "ClockPeriod": 5,
            "IOType": "io_parallel",
            "KerasJson": architecture,
            "KerasH5": arrays,
            "HLSConfig": {
                "Model": {"Precision": "fixed<16,4>", "ReuseFactor": 1, "Strategy": "Resource"}
            },
        }
    )
    model.compile()
    batch = np.ascontiguousarray(values, dtype=np.float32)
    return median_time(lambda: model.predict(batch)) / len(batch)


def apytypes_seconds(weights, codes, table):
    """Return seconds a sample of APyTypes' fixed-point arrays, the curve by table."""
    kept = [APyFixedArray(array.T.tolist(), bits=WIDTH, frac_bits=FRAC) for array in weights]
    modes = {"quantization": QuantizationMode.RND_CONV, "overflow": OverflowMode.SAT}

    def predict():
        signal = codes
        for array in kept:
            sums = APyFixedArray.from_array(signal / 2**FRAC, bits=WIDTH, frac_bits=FRAC) @ array
            fitted = sums.cast(bits=WIDTH, frac_bits=FRAC, **modes)
            addresses = np.rint(fitted.to_numpy() * 2**FRAC).astype(np.int64)
            signal = table[addresses + 2 ** (WIDTH - 1)]
        return signal

    return median_time(predict) / len(codes)


with np.load(f"{sys.argv[1]}.npz") as file:
    given = dict(file)
layers = [given[name] for name in sorted(given) if name.startswith("weights_")]
print(
    json.dumps(
        {
            "hls4ml": (
                version("hls4ml"),
                hls4ml_seconds(layers, given["values"][: len(given["values"]) // 10]),
            ),
            "APyTypes": (
                version("apytypes"),
                apytypes_seconds(layers, given["codes"], given["table"]),
            ),
        }
    )
)
