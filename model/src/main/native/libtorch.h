/* What the kernels use of libtorch and of the OpenMP that it brings, by names that the loader finds. */
#pragma once
#include <stdint.h>

typedef struct Tensor *Tensor;
typedef struct Library *Library;
typedef uint64_t Value; /* an argument of an operator: a Tensor, an integer, or the bits of a double */
typedef void Operator(Value *arguments, uint64_t count, uint64_t results);

/* torch/csrc/inductor/aoti_torch/c/shim.h, kept stable across versions since 2.7. */
int32_t aoti_torch_library_init_def(const char *name, const char *file, uint32_t line, Library *library);
int32_t aoti_torch_library_init_impl(
    const char *name, const char *device, const char *file, uint32_t line, Library *library);
int32_t aoti_torch_library_def(Library library, const char *schema);
int32_t aoti_torch_library_impl(Library library, const char *name, Operator *implementation);
int32_t aoti_torch_get_data_ptr(Tensor tensor, void **data);
int32_t aoti_torch_get_sizes(Tensor tensor, int64_t **sizes);
int32_t aoti_torch_get_dtype(Tensor tensor, int32_t *dtype);
int32_t aoti_torch_dtype_int16(void);
int32_t aoti_torch_delete_tensor_object(Tensor tensor);

/* at::get_num_threads() of C++. */
int at_get_num_threads(void) __asm__("_ZN2at15get_num_threadsEv");

void GOMP_parallel(void (*work)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);

/* The memory of a tensor. */
static inline void *data(Value tensor) {
  void *data = 0;
  aoti_torch_get_data_ptr((Tensor)tensor, &data);
  return data;
}

static inline int64_t size(Value tensor, int dimension) {
  int64_t *sizes = 0;
  aoti_torch_get_sizes((Tensor)tensor, &sizes);
  return sizes[dimension];
}

static inline int32_t dtype(Value tensor) {
  int32_t dtype = 0;
  aoti_torch_get_dtype((Tensor)tensor, &dtype);
  return dtype;
}

/* An operator owns the tensors that it is given. */
static inline void release(Value tensor) { aoti_torch_delete_tensor_object((Tensor)tensor); }

/* Does `work` on libtorch's threads, or on this one alone where that costs less than waking them. */
static inline void parallel(void (*work)(void *), void *data, int64_t operations) {
  GOMP_parallel(work, data, operations < 1 << 16 ? 1 : at_get_num_threads(), 0);
}

/* The next of the tasks that threads take one after the other. */
static inline int64_t take(int64_t *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }
