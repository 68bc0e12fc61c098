  # Weights of 12 bits, activations of 16, up to 128 inputs with one scale.

  # weight: [out, in]; returns int8 [panels, bytes], see linear_int12.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    numbers = self.grouped(weight)
    panels = numbers.size(0)
    groups = numbers.size(2)
    length = numbers.size(3)
    norms = numbers.mul(numbers).sum([3], True).sqrt_()
    scales = torch.clamp(torch.maximum(norms / 65400.0, numbers.abs().amax([3], True) / 32752.0), 1e-12)
    # of the halves of a panel, 16 columns each, and pairs of inputs; as they come in a panel's vectors
    halves = (numbers / scales).reshape([panels, 2, 16, groups, length // 4, 2, 2])
    vectors = halves.permute([0, 3, 4, 5, 1, 2, 6]).reshape([panels, groups, length // 4, 4, 32])
    return self.grouped_panels(self.words(vectors), scales, bias)

  # Of every four vectors the last, rounded to 12 bits, goes four bits each to the ends of the words of the
  # others, which are rounded to what is nearest with that end.
  #   vectors: [panels, groups, fours, 4, 32], in steps; returns int16 [panels, groups, fours, 3, 32]
  def words(self: __torch__.Program, vectors: Tensor) -> Tensor:
    last = torch.clamp(torch.round(vectors.select(3, 3) / 16.0), -2048, 2047).to(3)
    ends = torch.stack([torch.bitwise_right_shift(last, 8), torch.bitwise_right_shift(last, 4), last], 3)
    end = torch.bitwise_and(ends, 15)
    begin = torch.clamp(torch.round((vectors.narrow(3, 0, 3) - end) / 16.0), -2048, 2047)
    return (begin * 16.0 + end).to(2)

  def most_in_group(self: __torch__.Program) -> int:
    return 128

  def step_bytes(self: __torch__.Program) -> int:
    return 2

  def weights_type(self: __torch__.Program) -> int:
    return 12
