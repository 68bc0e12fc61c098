/* Each operator in the type of its weights, or of its keys and values. */
#include "libtorch.h"

void linear_int4(const Value *), linear_int8(const Value *), linear_int12(const Value *), linear_fp16(const Value *);
void attention_int16(const Value *), attention_fp32(const Value *);

void linear(Value *v, uint64_t count, uint64_t results) {
  switch (v[count - 1]) { /* see linear.h */
    case 4: linear_int4(v); break;
    case 8: linear_int8(v); break;
    case 12: linear_int12(v); break;
    default: linear_fp16(v);
  }
}

void attention(Value *v, uint64_t count, uint64_t results) {
  if (dtype(v[1]) == aoti_torch_dtype_int16()) attention_int16(v);
  else attention_fp32(v);
}
