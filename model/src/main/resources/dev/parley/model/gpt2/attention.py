  # Attention on a CPU: how keys and values are kept in blocks. Prompts read them by `read`, rows with few
  # tokens by `attend`; both are in files of their own.

  # The shapes of a layer's tables of keys and of values.
  def table_shapes(self: __torch__.Program, blocks: int, head_size: int, dtype: int) -> List[List[int]]:
    return [[blocks, self.head_count, head_size, 64], [blocks, self.head_count, 64, head_size]]

  # What is the same in every layer; the arguments are those of `step`, and the size of a head.
  # Returns the block and the place in it of each single token, of each prompt the numbers of its blocks,
  # the runs that they make and its mask, and of each group what `prepare` returns.
  def plan(self: __torch__.Program, positions: Tensor, places: Tensor, counts: List[int], lengths: List[int], tables: List[Tensor], prompts: int, head_size: int) -> Tuple[Tensor, Tensor, List[List[int]], List[List[int]], List[Optional[Tensor]], List[List[Tensor]]]:
    numbers = annotate(List[List[int]], [])
    runs = annotate(List[List[int]], [])
    masks = annotate(List[Optional[Tensor]], [])
    prepared = annotate(List[List[Tensor]], [])
    begin = 0
    for i in range(len(counts)):
      if i < prompts:
        numbers.append(self.numbers(tables[i]))
        runs.append(self.runs(numbers[i]))
        masks.append(self.mask(counts[i], lengths[i], tables[i]))
      else:
        prepared.append(self.prepare(tables[i], positions.narrow(0, begin, counts[i]) + 1, lengths[i], head_size))
      begin = begin + counts[i]
    return (places // 64, places % 64, numbers, runs, masks, prepared)

  # Attention of all rows in one layer, whose keys and values are written first.
  #   joined: [tokens, 3, heads, headSize], queries, keys and values
  # Returns [tokens, heads * headSize].
  def attention(self: __torch__.Program, joined: Tensor, caches: List[Tensor], layer: int, counts: List[int], lengths: List[int], prompts: int, plan: Tuple[Tensor, Tensor, List[List[int]], List[List[int]], List[Optional[Tensor]], List[List[Tensor]]]) -> Tensor:
    block, place, numbers, runs, masks, prepared = plan
    keys = caches[2 * layer]
    values = caches[2 * layer + 1]
    if block.size(0) > 0:
      single = joined.narrow(0, joined.size(0) - block.size(0), block.size(0))
      torch.index_put_(keys, annotate(List[Optional[Tensor]], [block, None, None, place]), single.select(1, 1).to(keys.dtype))
      torch.index_put_(values, annotate(List[Optional[Tensor]], [block, None, place]), single.select(1, 2).to(values.dtype))
    outputs = annotate(List[Tensor], [])
    at = 0
    for i in range(len(counts)):
      rows = joined.narrow(0, at, counts[i])
      if i < prompts:
        self.write(rows, keys, values, numbers[i], lengths[i])
        outputs.append(self.read(rows, keys, values, runs[i], lengths[i], masks[i]))
      else:
        outputs.append(self.attend(rows.select(1, 0), keys, values, prepared[i - prompts]).to(joined.dtype))
      at = at + counts[i]
    return torch.cat(outputs, 0)

  # The numbers of a prompt's blocks: [1, blocks].
  def numbers(self: __torch__.Program, table: Tensor) -> List[int]:
    numbers = annotate(List[int], [])
    for i in range(table.size(1)):
      numbers.append(int(table.select(1, i)))
    return numbers

  # A prompt's keys and values, [n, 3, heads, headSize], the last of `length` tokens, go to their
  # conversation's blocks. What is behind them in the last one becomes zero: it may be no number, and is
  # read with the others.
  def write(self: __torch__.Program, rows: Tensor, keys: Tensor, values: Tensor, numbers: List[int], length: int) -> NoneType:
    key = rows.select(1, 1).permute([1, 2, 0])  # [heads, headSize, n]
    value = rows.select(1, 2).transpose(0, 1)  # [heads, n, headSize]
    begin = length - rows.size(0)
    for i in range(begin // 64, len(numbers)):
      place = max(begin - i * 64, 0)
      end = min(length - i * 64, 64)
      at = i * 64 + place - begin
      block_keys = keys.select(0, numbers[i])
      block_values = values.select(0, numbers[i])
      block_keys.narrow(2, place, end - place).copy_(key.narrow(2, at, end - place))
      block_values.narrow(1, place, end - place).copy_(value.narrow(1, at, end - place))
      if end < 64:  # the last block
        block_keys.narrow(2, end, 64 - end).zero_()
        block_values.narrow(1, end, 64 - end).zero_()

  # Blocks as runs of neighbours: the first of each, then how many.
  def runs(self: __torch__.Program, numbers: List[int]) -> List[int]:
    runs = annotate(List[int], [])
    for i in range(len(numbers)):
      last = len(runs) - 2
      if last >= 0 and runs[last] + runs[last + 1] == numbers[i]:
        runs[last + 1] = runs[last + 1] + 1
      else:
        runs.extend([numbers[i], 1])
    return runs

  # One conversation's blocks of keys or values of a layer, copied side by side.
  #   blocks: the whole table, permuted so that its blocks stand at `dim`; runs: see `runs`
  def side_by_side(self: __torch__.Program, blocks: Tensor, dim: int, runs: List[int]) -> Tensor:
    count = 0
    for i in range(1, len(runs), 2):
      count = count + runs[i]
    sizes = blocks.size()
    sizes[dim] = count
    joined = torch.empty(sizes, dtype=self.prompt_type, device=blocks.device)
    at = 0
    for i in range(0, len(runs), 2):
      joined.narrow(dim, at, runs[i + 1]).copy_(blocks.narrow(dim, runs[i], runs[i + 1]))
      at = at + runs[i + 1]
    return joined
