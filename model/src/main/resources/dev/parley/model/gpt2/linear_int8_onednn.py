  # By oneDNN, for processors with AVX512-VNNI, whose matrix units (AMX) it uses where there are some.

  # x: [rows, in], between -1 and 1; returns [rows, out]. The numbers become up to 127 steps on either
  # side of 128: unsigned, since oneDNN 3.7 has kernels of every size for those alone, and for signed
  # ones takes reference loops, hundreds of times slower. `steps` is the memory of `rounded`, which
  # int_repr would copy in twice the time that rounding takes; neither is written to.
  def product(self: __torch__.Program, x: Tensor, weights: List[Tensor], at: int) -> Tensor:
    rounded = torch.quantize_per_tensor(x, 1.0 / 127.0, 128, 13)
    steps = torch.empty([0], dtype=0).set_(rounded, 0, [x.size(0), x.size(1)], [x.size(1), 1])
    return ops.onednn.qlinear_pointwise(steps, 1.0 / 127.0, 128, weights[3 * at], weights[3 * at + 1], weights[3 * at + 2], None, 1.0, 0, 6, "none", annotate(List[Optional[number]], []), "")

  # Symmetric, one scale an output channel: [out, in] to packed int8, scales and zero points [out].
  # The weights are packed for 32 rows; that costs nothing with one row.
  def quantize(self: __torch__.Program, weight: Tensor) -> List[Tensor]:
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    rounded = torch.round(weight / scales.unsqueeze(1)).to(1)
    return [ops.onednn.qlinear_prepack(rounded, [32, weight.size(1)]), scales, torch.zeros_like(scales, dtype=3)]
