  # Attention of prompts, and how their keys and values are kept. `attend`, for rows with few tokens, is
  # one device's own.

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

  # What a prompt's `count` tokens add to their scores of whole blocks of tokens, of which they are the
  # last of `length`: [count, 64 * blocks]. Nothing where they are all of them.
  def mask(self: __torch__.Program, count: int, length: int, table: Tensor) -> Optional[Tensor]:
    mask = annotate(Optional[Tensor], None)
    if count < length:
      full = torch.full([count, table.size(1) * 64], float("-inf"), dtype=self.prompt_type, device=table.device)
      mask = torch.triu(full, length - count + 1)
    return mask

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

  # Attention of a prompt's tokens: to each other alone where there is no mask, else to all of what is
  # cached.
  #   rows: [n, 3, heads, headSize]; runs: of its conversation's blocks; mask: see `mask`
  # Returns [n, heads * headSize].
  def read(self: __torch__.Program, rows: Tensor, keys: Tensor, values: Tensor, runs: List[int], mask: Optional[Tensor]) -> Tensor:
    n = rows.size(0)
    heads = rows.size(2)
    head_size = rows.size(3)
    own = rows.to(self.prompt_type).permute([1, 2, 0, 3])  # [3, heads, n, headSize]
    if mask is None:
      kept = rows.narrow(1, 1, 2).permute([1, 2, 0, 3]).contiguous().to(keys.dtype)  # as later pieces see them
      key, value = torch.unbind(kept.to(self.prompt_type).unsqueeze(1))
      attended = torch.scaled_dot_product_attention(own.narrow(0, 0, 1), key, value, None, 0.0, True).squeeze(0)
    else:
      added = unchecked_cast(Tensor, mask)
      cached_keys = self.keys_of(keys, runs)  # [blocks, heads, headSize, 64]
      blocks = cached_keys.size(0)
      cached_values = self.values_of(values, runs, blocks)  # [heads, blocks * 64, headSize]
      if n <= 64 and self.prompt_type == 6:  # fp32
        scaled = own.select(0, 0) * head_size ** -0.5
        scores = torch.empty([heads, n, blocks, 64], dtype=self.prompt_type, device=rows.device)
        torch.add(torch.matmul(scaled, cached_keys).permute([1, 2, 0, 3]), added.reshape([n, blocks, 64]), out=scores)
        attended = torch.bmm(torch.softmax(scores.reshape([heads, n, -1]), 2), cached_values)
      else:
        all_keys = cached_keys.permute([1, 0, 3, 2]).reshape([1, heads, -1, head_size])
        attended = torch.scaled_dot_product_attention(own.narrow(0, 0, 1), all_keys, cached_values.unsqueeze(0), added).squeeze(0)
    return attended.permute([1, 0, 2]).reshape([n, -1]).to(rows.dtype)

  # One conversation's blocks of a layer's keys, one after the other: where they stand, if they are
  # neighbours and of the right type.
  def keys_of(self: __torch__.Program, keys: Tensor, runs: List[int]) -> Tensor:
    parts = annotate(List[Tensor], [])
    for i in range(0, len(runs), 2):
      parts.append(keys.narrow(0, runs[i], runs[i + 1]))
    joined = parts[0]
    if len(parts) > 1:
      joined = torch.cat(parts, 0)
    return joined.to(self.prompt_type)

  # One conversation's blocks of a layer's values, those of each head side by side:
  # [heads, blocks * 64, headSize].
  def values_of(self: __torch__.Program, values: Tensor, runs: List[int], blocks: int) -> Tensor:
    heads = values.size(1)
    joined = torch.empty([heads, blocks, 64, values.size(3)], dtype=self.prompt_type, device=values.device)
    at = 0
    for i in range(0, len(runs), 2):
      joined.narrow(1, at, runs[i + 1]).copy_(values.narrow(0, runs[i], runs[i + 1]).transpose(0, 1))
      at = at + runs[i + 1]
    return joined.reshape([heads, blocks * 64, -1])
