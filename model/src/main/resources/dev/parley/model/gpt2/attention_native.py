  # Attention by Parley's own kernel: of all rows at once, reading keys and values where they are.

  # The shapes of a layer's tables of keys and of values.
  def table_shapes(self: __torch__.Program, blocks: int, head_size: int) -> List[List[int]]:
    return [[blocks, self.head_count, head_size, 64], [blocks, self.head_count, 64, head_size]]

  # What is the same in every layer; the arguments are those of `step`, and the size of a head.
  # Returns the positions of tokens; all tables one after the other, and where that of each token begins;
  # and the first tokens of tiles of at most 64 of one conversation, then the number of tokens.
  def plan(self: __torch__.Program, positions: Tensor, places: Tensor, counts: List[int], lengths: List[int], tables: List[Tensor], prompts: int, head_size: int) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    begins = annotate(List[Tensor], [])
    flat = annotate(List[Tensor], [])
    tiles = annotate(List[Tensor], [])
    tokens = 0
    at = 0
    for i in range(len(counts)):
      blocks = tables[i].size(1)
      if i < prompts:
        begins.append(torch.full([counts[i]], at, dtype=4))
        tiles.append(torch.arange(tokens, tokens + counts[i], 64, dtype=4))
      else:
        begins.append(torch.arange(at, at + counts[i] * blocks, blocks, dtype=4))
        tiles.append(torch.arange(tokens, tokens + counts[i], dtype=4))
      flat.append(tables[i].reshape([-1]))
      tokens = tokens + counts[i]
      at = at + tables[i].numel()
    tiles.append(torch.full([1], tokens, dtype=4))
    return (positions, torch.cat(begins, 0), torch.cat(flat, 0), torch.cat(tiles, 0))

  # Attention of all rows in one layer, whose keys and values are written first.
  #   joined: [tokens, 3, heads, headSize], queries, keys and values
  # Returns [tokens, heads * headSize].
  def attention(self: __torch__.Program, joined: Tensor, caches: List[Tensor], layer: int, counts: List[int], lengths: List[int], prompts: int, plan: Tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    positions, begins, table, tiles = plan
    keys = caches[2 * layer]
    out = torch.empty([joined.size(0), joined.size(2) * joined.size(3)])
    ops.parley.attention(joined, keys, caches[2 * layer + 1], positions, begins, table, tiles, keys.dtype == 5, out)
    return out
