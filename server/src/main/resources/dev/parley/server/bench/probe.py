class Program(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool

  # What a machine can do: each method reads or computes a known amount and returns one number, so
  # that whoever takes it has waited for the work. w: [out, in], fp32 but for `linear`. `times`: how
  # often, in one call; a GPU is done with some before it is told of the next.

  def sum(self: __torch__.Program, w: Tensor, times: int) -> Tensor:
    result = torch.sum(w)
    for i in range(1, times):
      result = torch.sum(w)
    return result

  # x: [rows, in] and w in one type
  def linear(self: __torch__.Program, x: Tensor, w: Tensor, times: int) -> Tensor:
    y = torch.linear(x, w)
    for i in range(1, times):
      y = torch.linear(x, w)
    return y.flatten().select(0, 0).to(6)

  def cast(self: __torch__.Program, w: Tensor, dtype: int) -> Tensor:
    return w.to(dtype)

  def pack_fp16(self: __torch__.Program, w: Tensor) -> __torch__.torch.classes.quantized.LinearPackedParamsBase:
    return ops.quantized.linear_prepack_fp16(w, None)

  def fp16(self: __torch__.Program, x: Tensor, w: __torch__.torch.classes.quantized.LinearPackedParamsBase) -> Tensor:
    return ops.quantized.linear_dynamic_fp16(x, w).flatten().select(0, 0)

  def pack_bf16(self: __torch__.Program, w: Tensor) -> Tensor:
    return ops.mkldnn._reorder_linear_weight(w.to(15), 32)

  def bf16(self: __torch__.Program, x: Tensor, w: Tensor) -> Tensor:
    y = ops.mkldnn._linear_pointwise(x.to(15), w, None, "none", annotate(List[Optional[number]], []), "")
    return y.flatten().select(0, 0).to(6)

  # Packed weights, scales and zero points
  def pack_int8(self: __torch__.Program, w: Tensor) -> List[Tensor]:
    scales = torch.clamp(w.abs().amax([1]) / 127.0, 1e-12)
    rounded = torch.round(w / scales.unsqueeze(1)).to(1)
    return [ops.onednn.qlinear_prepack(rounded, [32, w.size(1)]), scales, torch.zeros_like(scales, dtype=3)]

  def int8(self: __torch__.Program, x: Tensor, w: List[Tensor]) -> Tensor:
    steps = (x * 63.0 + 64.5).to(0)
    y = ops.onednn.qlinear_pointwise(steps, 1.0 / 63.0, 64, w[0], w[1], w[2], None, 1.0, 0, 6, "none", annotate(List[Optional[number]], []), "")
    return y.flatten().select(0, 0)
