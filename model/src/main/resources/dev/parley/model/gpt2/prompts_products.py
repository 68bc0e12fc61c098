  # Attention of prompts in fp32 on a CPU by matrix products, of 64 queries at a time with the tokens up
  # to the last of them: two thirds to four fifths of the time of libtorch's flash attention.

  # What 64 queries add to the scores of their own tokens: [64, 64].
  def mask(self: __torch__.Program, count: int, length: int, table: Tensor) -> Optional[Tensor]:
    return torch.triu(torch.full([64, 64], float("-inf")), 1)

  # Attention of a prompt's tokens, the last of `length`, to all that is cached up to each.
  #   rows: [n, 3, heads, headSize]; runs: of its conversation's blocks; mask: what `mask` returns
  # Returns [n, heads * headSize].
  def read(self: __torch__.Program, rows: Tensor, keys: Tensor, values: Tensor, runs: List[int], length: int, mask: Optional[Tensor]) -> Tensor:
    n = rows.size(0)
    added = unchecked_cast(Tensor, mask)
    query = (rows.select(1, 0) * rows.size(3) ** -0.5).transpose(0, 1)  # [heads, n, headSize]
    key = self.side_by_side(keys.permute([1, 2, 0, 3]), 2, runs).flatten(2, 3)  # [heads, headSize, tokens]
    value = self.side_by_side(values.transpose(0, 1), 1, runs).flatten(1, 2)  # [heads, tokens, headSize]
    attended = torch.empty([n, rows.size(2), rows.size(3)])
    for begin in range(0, n, 64):
      count = min(64, n - begin)
      end = length - n + begin + count
      scores = torch.bmm(query.narrow(1, begin, count), key.narrow(2, 0, end))
      scores.narrow(2, end - count, count).add_(added.narrow(0, 0, count).narrow(1, 0, count))
      outputs = torch.bmm(torch.softmax(scores, 2), value.narrow(1, 0, end))
      attended.narrow(0, begin, count).copy_(outputs.transpose(0, 1))
    return attended.flatten(1, 2)
