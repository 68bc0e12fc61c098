class Program(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool

  # What a machine can do: each method reads or computes a known amount and returns one number, so
  # that whoever takes it has waited for the work. w: [out, in], fp32 but for `linear`.

  def sum(self: __torch__.Program, w: Tensor) -> Tensor:
    return torch.sum(w)

  # x: [rows, in] and w in one type
  def linear(self: __torch__.Program, x: Tensor, w: Tensor) -> Tensor:
    return torch.linear(x, w).flatten().select(0, 0).to(6)

  def cast(self: __torch__.Program, w: Tensor, dtype: int) -> Tensor:
    return w.to(dtype)

  def pack_fp16(self: __torch__.Program, w: Tensor) -> __torch__.torch.classes.quantized.LinearPackedParamsBase:
    return ops.quantized.linear_prepack_fp16(w, None)

  def fp16(self: __torch__.Program, x: Tensor, w: __torch__.torch.classes.quantized.LinearPackedParamsBase) -> Tensor:
    return ops.quantized.linear_dynamic_fp16(x, w).flatten().select(0, 0)

  def pack_int8(self: __torch__.Program, w: Tensor) -> __torch__.torch.classes.quantized.LinearPackedParamsBase:
    scales = torch.clamp(w.abs().amax([1]) / 127.0, 1e-12)
    zeros = torch.zeros_like(scales, dtype=3)
    return ops.quantized.linear_prepack(torch.quantize_per_channel(w, scales, zeros, 0, 12), None)

  def int8(self: __torch__.Program, x: Tensor, w: __torch__.torch.classes.quantized.LinearPackedParamsBase) -> Tensor:
    return ops.quantized.linear_dynamic(x, w, False).flatten().select(0, 0)
