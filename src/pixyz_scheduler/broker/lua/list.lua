-- list(limit, max score, before id, since, n, field, value, ..., column, ...): a page of jobs, newest first.
-- The n field/value pairs are what each record must say; the shortest of their indexes is walked.
-- Answers {score, id of the last one looked at ('' at the end), {id, value, ...}, ...}; looks at LOOKS records at most,
-- so that no question, however rare its answer, holds the store.
local LOOKS = 2000
local limit, max, before, since, pairs_n = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local wanted, columns = {}, {}
local at = 7
for _ = 1, pairs_n do
  wanted[#wanted + 1] = {ARGV[at], ARGV[at + 1]}
  at = at + 2
end
for i = at, #ARGV do columns[#columns + 1] = ARGV[i] end

local INDEXED = {name = true, state = true, queue = true}
local index, shortest, family = 'ps:jobs', redis.call('ZCARD', 'ps:jobs'), nil
for _, pair in ipairs(wanted) do
  if INDEXED[pair[1]] then
    local other = 'ps:' .. pair[1] .. ':' .. pair[2]
    local length = redis.call('ZCARD', other)
    if length < shortest then index, shortest = other, length end
  elseif pair[1] == 'parent' and pair[2] ~= '' then
    local children = 'ps:children:' .. pair[2]
    if redis.call('SCARD', children) < shortest then family = children end
  end
end

-- Of a family, whose index has no order: {id, submitted} as a walk of a zset would give them, at once.
local function ordered(children)
  local found, flat = {}, {}
  local least = since == '-inf' and -math.huge or tonumber(since)
  local most = max == '+inf' and math.huge or tonumber(max)
  for _, id in ipairs(redis.call('SMEMBERS', children)) do
    local score = redis.call('HGET', key(id), 'submitted')
    local moment = score and tonumber(score)
    if moment and moment >= least and moment <= most then found[#found + 1] = {id, score, moment} end
  end
  table.sort(found, function(a, b)
    if a[3] ~= b[3] then return a[3] > b[3] end
    return a[1] > b[1]
  end)
  for _, one in ipairs(found) do
    flat[#flat + 1] = one[1]
    flat[#flat + 1] = one[2]
  end
  return flat
end

local function fits(k)
  -- Our own chores are nobody's jobs.
  if string.sub(redis.call('HGET', k, 'process') or '_', 1, 1) == '_' then return false end
  for _, pair in ipairs(wanted) do
    if (redis.call('HGET', k, pair[1]) or '') ~= pair[2] then return false end
  end
  return true
end

local page, looked, offset, last_score, last_id = {}, 0, 0, '', ''
while #page < limit and looked < LOOKS do
  local step = {}
  if not family then
    step = redis.call('ZREVRANGEBYSCORE', index, max, since, 'WITHSCORES', 'LIMIT', offset, limit + 1)
  elseif offset == 0 then
    step = ordered(family)
  end
  if #step == 0 then return {'', '', unpack(page)} end
  offset = offset + #step / 2
  for i = 1, #step, 2 do
    local id, score = step[i], step[i + 1]
    if #page >= limit or looked >= LOOKS and family then return {last_score, last_id, unpack(page)} end
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
