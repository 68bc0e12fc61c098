#include "libtorch.h"

#define EXPORT __attribute__((visibility("default")))

Operator linear, attention, allow_amx;

static const struct {
  const char *name, *schema;
  Operator *implementation;
} operators[] = {
    {"linear",
     "linear(Tensor weights, Tensor x, Tensor gain, Tensor shift, float epsilon, bool gelu, bool add, Tensor(a!) y, "
     "Tensor(b!) scratch, int type) -> ()",
     linear},
    {"attention",
     "attention(Tensor joined, Tensor(a!) keys, Tensor(b!) values, Tensor positions, Tensor firsts, Tensor begins, "
     "Tensor table, Tensor(c!) out) -> ()",
     attention},
    {"allow_amx", "allow_amx(Tensor any, bool allowed) -> bool", allow_amx}, /* for tests; from the start it is */
};

/* The digest of what this was built from, for who looks into the file. */
EXPORT const char parley_sources[] = SOURCES;

/* Makes the kernels operators of libtorch, in the namespace `parley`; once a process. Returns 0 where it did. */
EXPORT int parley_register(void) {
  static Library definitions, implementations; /* for as long as the process lives */
  int failure = aoti_torch_library_init_def("parley", __FILE__, __LINE__, &definitions)
      || aoti_torch_library_init_impl("parley", "CPU", __FILE__, __LINE__, &implementations);
  for (unsigned i = 0; i < sizeof(operators) / sizeof(*operators) && !failure; i++)
    failure = aoti_torch_library_def(definitions, operators[i].schema)
        || aoti_torch_library_impl(implementations, operators[i].name, operators[i].implementation);
  return failure;
}
