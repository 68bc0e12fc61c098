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
