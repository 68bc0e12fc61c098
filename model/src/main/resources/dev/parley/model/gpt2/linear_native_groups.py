  # Weights and activations with one scale for a group of inputs: see linear_groups.h. The sums are exact
  # integers within a group, and added in the order of the groups, so that a row's result does not depend
  # on the other rows. Of one type are `most_in_group` and `step_bytes`, which a number of a row takes.

  # How many groups the inputs are divided into, and how many are in each: a multiple of four.
  def groups(self: __torch__.Program, inputs: int) -> Tuple[int, int]:
    most = self.most_in_group()
    groups = (inputs + most - 1) // most
    return (groups, ((inputs + groups - 1) // groups + 3) // 4 * 4)

  def row_bytes(self: __torch__.Program, inputs: int) -> int:
    groups, length = self.groups(inputs)
    return groups * (self.step_bytes() * length + 8)

  # weight: [out, in]; returns [panels, 32, groups, length], filled up with zeros
  def grouped(self: __torch__.Program, weight: Tensor) -> Tensor:
    panels = (weight.size(0) + 31) // 32
    groups, length = self.groups(weight.size(1))
    return self.padded(weight, 32 * panels, groups * length).reshape([panels, 32, groups, length])

  # What a panel consists of.
  #   weights: [panels, groups, ...], as they are packed; scales: [panels, 32, groups, 1]; bias: [out]
  def grouped_panels(self: __torch__.Program, weights: Tensor, scales: Tensor, bias: Tensor) -> Tensor:
    panels = weights.size(0)
    columns = scales.permute([0, 2, 1, 3])
    parts = [self.bytes(weights, [panels, weights.size(1), -1]), self.bytes(columns, [panels, columns.size(1), -1])]
    return torch.cat([torch.cat(parts, 2).reshape([panels, -1]), self.column(bias, panels)], 1)
