-- list(index, limit, max score, before id, since, n, field, value, ..., column, ...): a page of jobs, newest first.
-- index: the zset to walk; the n field/value pairs are what each record must also say.
-- Answers {score, id of the last one looked at ('' at the end), {id, value, ...}, ...}; looks at LOOKS records at most,
-- so that no question, however rare its answer, holds the store.
local LOOKS = 2000
local index, limit, max, before, since, pairs_n = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local wanted, columns = {}, {}
local at = 8
for _ = 1, pairs_n do
  wanted[#wanted + 1] = {ARGV[at], ARGV[at + 1]}
  at = at + 2
end
for i = at, #ARGV do columns[#columns + 1] = ARGV[i] end

local function fits(k)
  -- Our own chores are nobody's jobs.
  if string.sub(redis.call('HGET', k, 'process') or '_', 1, 1) == '_' then return false end
  for _, pair in ipairs(wanted) do
    if redis.call('HGET', k, pair[1]) ~= pair[2] then return false end
  end
  return true
end

local page, looked, offset, last_score, last_id = {}, 0, 0, '', ''
while #page < limit and looked < LOOKS do
  local step = redis.call('ZREVRANGEBYSCORE', index, max, since, 'WITHSCORES', 'LIMIT', offset, limit + 1)
  if #step == 0 then return {'', '', unpack(page)} end
  offset = offset + #step / 2
  for i = 1, #step, 2 do
    local id, score = step[i], step[i + 1]
    if #page >= limit then return {last_score, last_id, unpack(page)} end
    -- Members of one score come in reverse order of their ids.
    if before == '' or tonumber(score) < tonumber(max) or id < before then
      looked = looked + 1
      last_score, last_id = score, id
      if fits(key(id)) then
        local row = redis.call('HMGET', key(id), unpack(columns))
        table.insert(row, 1, id)
        page[#page + 1] = row
      end
    end
  end
end
return {last_score, last_id, unpack(page)}
