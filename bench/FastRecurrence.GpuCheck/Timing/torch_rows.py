"""
Times torch's recurrent layers when asked: one JSON object a line on stdin, one answer a line on stdout.
First line, unasked: {"torch", "cuda", "cudnn", "device"}, or {"error"} and the end.
{"op": "prepare", "module", "kind", "mode", "hidden", "batch", "steps", "directions"} makes a layer with I = H: {"ok": true}.
{"op": "time", "repeats"} runs it once more than that and more: {"host": [...], "device": [...]}, microseconds of whole sequences, by this
clock with waiting and between events. {"op": "quit"} ends. A request that fails is answered by {"error"}; the next one may succeed.
"""
import json
import sys
import time


def say(**answer):
    print(json.dumps(answer), flush=True)


try:
    import torch
except Exception as e:
    say(error=f"torch does not load: {e}")
    sys.exit(0)
if not torch.cuda.is_available():
    say(error=f"torch {torch.__version__} sees no CUDA device")
    sys.exit(0)
say(torch=torch.__version__, cuda=str(torch.version.cuda), cudnn=str(torch.backends.cudnn.version()), device=torch.cuda.get_device_name())
DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepare(module, kind, mode, hidden, batch, steps, directions):
    torch.backends.cudnn.allow_tf32 = kind == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
    layer = getattr(torch.nn, module)(hidden, hidden, bidirectional=directions == 2).to("cuda", DTYPES[kind])
    x = torch.randn(steps, batch, hidden, device="cuda", dtype=DTYPES[kind])

    def run():
        layer(x)

    if mode == "eager":
        for _ in range(3):
            run()
        return run
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()

    def replay(kept=(layer, x)):  # the graph reads their memory
        graph.replay()

    replay()
    return replay


def measure(run, repeats):
    run()
    torch.cuda.synchronize()
    host, device = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        host.append((time.perf_counter() - start) * 1e6)
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        device.append(begin.elapsed_time(end) * 1e3)
    return {"host": host, "device": device}


run = None
with torch.inference_mode():
    for line in sys.stdin:
        request = json.loads(line)
        op = request.pop("op")
        if op == "quit":
            break
        try:
            if op == "prepare":
                run = None
                torch.cuda.empty_cache()
                run = prepare(**request)
                torch.cuda.synchronize()
                say(ok=True)
            else:
                say(**measure(run, **request))
        except Exception as e:
            say(error=f"{type(e).__name__}: {(str(e).splitlines() or [''])[0]}")
