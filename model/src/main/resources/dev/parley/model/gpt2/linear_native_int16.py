  # int16 weights and activations, up to 128 inputs with one scale. The sums are exact integers within
  # them, and added in their order, so that a row's result does not depend on the other rows.

  # How many groups the inputs are divided into, and how many are in each: an even number.
  def groups(self: __torch__.Program, inputs: int) -> Tuple[int, int]:
    groups = (inputs + 127) // 128
    return (groups, ((inputs + groups - 1) // groups + 1) // 2 * 2)

  # weight: [out, in]; returns int8 [panels, bytes], see linear_int16.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    panels = (weight.size(0) + 31) // 32
    groups, length = self.groups(weight.size(1))
    numbers = self.padded(weight, 32 * panels, groups * length).reshape([panels, 32, groups, length])
    norms = numbers.mul(numbers).sum([3], True).sqrt_()
    scales = torch.clamp(torch.maximum(norms / 65500.0, numbers.abs().amax([3], True) / 32767.0), 1e-12)
    steps = torch.round(numbers / scales).to(2).reshape([panels, 32, groups, length // 2, 2])
    pairs = self.bytes(steps.permute([0, 2, 3, 1, 4]), [panels, groups, 64 * length])
    columns = self.bytes(scales.permute([0, 2, 1, 3]), [panels, groups, 128])
    return torch.cat([torch.cat([pairs, columns], 2).reshape([panels, -1]), self.column(bias, panels)], 1)

  def row_bytes(self: __torch__.Program, inputs: int) -> int:
    groups, length = self.groups(inputs)
    return groups * (2 * length + 4)

  def weights_type(self: __torch__.Program) -> int:
    return 16
