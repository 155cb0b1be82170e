"""Times torch.nn.LSTM and nn.RNN: argv = sizes (HxN,HxN,...), seconds. Prints 'time<TAB>module kind mode H N microseconds-a-step'."""
import sys
import time

sizes = [tuple(int(v) for v in s.split("x")) for s in sys.argv[1].split(",")]
until = time.time() + float(sys.argv[2])
try:
    import torch
except ImportError as e:
    print(f"Not timed: {e}.")
    sys.exit(0)
if not torch.cuda.is_available():
    print(f"Not timed: torch {torch.__version__} sees no CUDA device.")
    sys.exit(0)
print(f"torch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, {torch.cuda.get_device_name()}")
print(flush=True)
T = 100


def median(run, repeats=15):
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) * 1000 / T)
    return sorted(times)[repeats // 2]


kinds = [("fp32", torch.float32, False), ("tf32", torch.float32, True), ("bf16", torch.bfloat16, False), ("fp16", torch.float16, False)]
for module in ("LSTM", "RNN"):
    for name, dtype, tf32 in kinds:
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32
        for h, n in sizes:
            if time.time() > until:
                print("Out of time.")
                sys.exit(0)
            with torch.inference_mode():
                layer = getattr(torch.nn, module)(h, h).to("cuda", dtype)
                x = torch.randn(T, n, h, device="cuda", dtype=dtype)

                def run():
                    layer(x)

                print("time", module, name, "eager", h, n, f"{median(run):.3f}", sep="\t", flush=True)
                try:
                    side = torch.cuda.Stream()
                    with torch.cuda.stream(side):
                        for _ in range(3):
                            run()
                    torch.cuda.synchronize()
                    graph = torch.cuda.CUDAGraph()
                    with torch.cuda.graph(graph):
                        run()
                    print("time", module, name, "graph", h, n, f"{median(graph.replay):.3f}", sep="\t", flush=True)
                except RuntimeError as e:
                    print(f"{module} {name} H={h} N={n}: no graph: {str(e).splitlines()[0]}", flush=True)
