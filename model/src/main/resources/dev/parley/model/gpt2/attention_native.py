  # Attention by Parley's own kernel: of all rows at once, reading keys and values where they are.

  # The shapes of a layer's tables of keys and of values, see attention_fp32.c and attention_int16.c.
  def table_shapes(self: __torch__.Program, blocks: int, head_size: int, dtype: int) -> List[List[int]]:
    numbers = head_size
    if dtype == 2:  # int16: pairs, and a scale in fp32
      numbers = (head_size + 1) // 2 * 2 + 2
    return [[blocks, self.head_count, 64 * numbers], [blocks, self.head_count, 64 * numbers]]

  # What is the same in every layer; the arguments are those of `step`, and the size of a head.
  # Returns the positions of tokens; the first token of each row, then the number of tokens; where the
  # blocks of each row begin; and those of all rows.
  def plan(self: __torch__.Program, positions: Tensor, places: Tensor, counts: List[int], lengths: List[int], tables: List[Tensor], prompts: int, head_size: int) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    firsts = annotate(List[Tensor], [])
    begins = annotate(List[Tensor], [])
    blocks = annotate(List[Tensor], [])
    token = 0
    begin = 0
    for i in range(len(counts)):
      width = tables[i].size(1)
      each = counts[i]  # the new tokens of a row
      if i >= prompts:
        each = 1
      firsts.append(torch.arange(token, token + counts[i], each, dtype=4))
      begins.append(torch.arange(begin, begin + tables[i].numel(), width, dtype=4))
      blocks.append(tables[i].reshape([-1]))
      token = token + counts[i]
      begin = begin + tables[i].numel()
    firsts.append(torch.full([1], token, dtype=4))
    return (positions, torch.cat(firsts, 0), torch.cat(begins, 0), torch.cat(blocks, 0))

  # Attention of all rows in one layer, whose keys and values are written first.
  #   joined: [tokens, 3, heads, headSize], queries, keys and values
  # Returns [tokens, heads * headSize].
  def attention(self: __torch__.Program, joined: Tensor, caches: List[Tensor], layer: int, counts: List[int], lengths: List[int], prompts: int, plan: Tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    positions, firsts, begins, blocks = plan
    out = torch.empty([joined.size(0), joined.size(2) * joined.size(3)])
    ops.parley.attention(joined, caches[2 * layer], caches[2 * layer + 1], positions, firsts, begins, blocks, out)
    return out
