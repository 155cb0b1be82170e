// A CUDA driver that computes nothing: it reports an H100 in the units of the real driver, hands out host memory for device memory, copies, and counts
// what it is asked for. With it everything but the kernels' own results can be tested on a machine without a GPU.
#include <stdlib.h>
#include <string.h>

typedef void *handle;

static long calls, launches, copies, memsets, synchronisations;

#define COUNTED (calls++)

// For tests.
void stub_reset(void) { calls = launches = copies = memsets = synchronisations = 0; }
long stub_calls(void) { return calls; }
long stub_launches(void) { return launches; }
long stub_copies(void) { return copies; }
long stub_memsets(void) { return memsets; }
long stub_synchronisations(void) { return synchronisations; }

int cuInit(int flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strncpy(name, "Stub H100", length); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 80ull << 30; return 0; }
int cuDeviceComputeCapability(int *major, int *minor, int device) { *major = 9; *minor = 0; return 0; }

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    switch (attribute)
    {
    case 1: *value = 1024; break;        // threads a group
    case 2: case 3: *value = 1024; break; // along x, y
    case 4: *value = 64; break;
    case 5: *value = 2147483647; break;  // groups along x
    case 6: case 7: *value = 65535; break;
    case 8: *value = 49152; break;       // shared memory a group
    case 9: *value = 65536; break;       // constant memory
    case 10: *value = 32; break;         // warp
    case 12: *value = 65536; break;      // registers a group
    case 13: *value = 1980000; break;    // clock: kHz, as the driver's documentation says
    case 16: *value = 132; break;        // multiprocessors
    case 19: *value = 1; break;          // maps host memory
    case 36: *value = 2619000; break;    // memory clock, kHz
    case 37: *value = 5120; break;       // bus width
    case 38: *value = 50 << 20; break;   // L2
    case 39: *value = 2048; break;       // threads a multiprocessor
    case 75: *value = 9; break;          // compute capability
    case 76: *value = 0; break;
    case 81: *value = 233472; break;     // shared memory a multiprocessor
    case 82: *value = 65536; break;      // registers a multiprocessor
    default: *value = 0; break;
    }
    return 0;
}

int cuCtxCreate_v2(handle *context, int flags, int device) { *context = (handle)1; return 0; }
int cuCtxDestroy_v2(handle context) { return 0; }
int cuCtxSetCurrent(handle context) { return 0; } // of every call, and free: not counted
int cuCtxSynchronize(void) { COUNTED; synchronisations++; return 0; }
int cuCtxGetCacheConfig(int *config) { *config = 0; return 0; }
int cuCtxSetCacheConfig(int config) { return 0; }
int cuCtxGetSharedMemConfig(int *config) { *config = 0; return 0; }
int cuCtxSetSharedMemConfig(int config) { return 0; }
int cuDeviceCanAccessPeer(int *can, int device, int peer) { *can = 0; return 0; }
int cuCtxEnablePeerAccess(handle context, int flags) { return 0; }
int cuCtxDisablePeerAccess(handle context) { return 0; }
int cuPointerGetAttribute(void *target, int attribute, handle pointer) { return 1; }

int cuMemGetInfo_v2(size_t *available, size_t *total) { *available = *total = 80ull << 30; return 0; }
int cuMemAlloc_v2(handle *pointer, size_t bytes) { COUNTED; return posix_memalign(pointer, 256, bytes) ? 2 : 0; }
int cuMemFree_v2(handle pointer) { COUNTED; free(pointer); return 0; }
int cuMemAllocHost_v2(handle *pointer, size_t bytes) { COUNTED; return posix_memalign(pointer, 256, bytes) ? 2 : 0; }
int cuMemFreeHost(handle pointer) { COUNTED; free(pointer); return 0; }
int cuMemHostRegister_v2(handle pointer, size_t bytes, int flags) { COUNTED; return 0; }
int cuMemHostUnregister(handle pointer) { COUNTED; return 0; }
int cuMemHostGetDevicePointer_v2(handle *device, handle host, int flags) { *device = host; return 0; }
int cuMemcpyAsync(handle destination, handle source, size_t length, handle stream) { COUNTED; copies++; memmove(destination, source, length); return 0; }
int cuMemsetD8Async(handle destination, unsigned char value, size_t length, handle stream) { COUNTED; memsets++; memset(destination, value, length); return 0; }

int cuStreamCreate(handle *stream, int flags) { *stream = (handle)2; return 0; }
int cuStreamCreateWithPriority(handle *stream, int flags, int priority) { *stream = (handle)2; return 0; }
int cuStreamDestroy_v2(handle stream) { return 0; }
int cuStreamSynchronize(handle stream) { COUNTED; synchronisations++; return 0; }
int cuStreamWaitEvent(handle stream, handle event, handle flags) { COUNTED; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "an error of the stub"; return 0; }

// The groups that a kernel was compiled for stand in its PTX.
static int groups_at_once(const char *ptx)
{
    const char *found = strstr(ptx, ".minnctapersm ");
    return found ? atoi(found + 14) : 1;
}

int cuModuleLoadData(handle *module, const char *ptx) { COUNTED; *module = (handle)(long)(0x100 + groups_at_once(ptx)); return 0; }
int cuModuleLoadDataEx(handle *module, const char *ptx, int count, handle options, handle values) { return cuModuleLoadData(module, ptx); }
int cuModuleUnload(handle module) { return 0; }
int cuModuleGetFunction(handle *function, handle module, const char *name) { *function = module; return 0; }
int cuLaunchKernel(handle function, int gx, int gy, int gz, int bx, int by, int bz, int shared, handle stream, handle arguments, handle extra)
{
    COUNTED;
    launches++;
    return 0;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *groups, handle function, int threads, size_t shared) { *groups = (int)(long)function - 0x100; return 0; }

int cuEventCreate(handle *event, int flags) { *event = (handle)3; return 0; }
int cuEventDestroy_v2(handle event) { return 0; }
int cuEventQuery(handle event) { return 0; }
int cuEventElapsedTime(float *milliseconds, handle start, handle end) { *milliseconds = 0; return 0; }
int cuEventRecord(handle event, handle stream) { COUNTED; return 0; }
int cuEventSynchronize(handle event) { COUNTED; return 0; }
