-- commit(id, nonce, by, state, queue, delay ms, field, value, ...): end the attempt that the nonce holds.
-- by: owner, or sweeper (then only a lease that has run out). state: a terminal one, or RETRY (then queue and delay count),
-- or AWAIT: it is at work no more, and will end with those that the field `awaited` names, at most delay ms from now.
-- Answers the state that the job has now, the same again for the same caller; or lost.
-- A cancel that was marked first wins over every end.
local id, nonce, by, state, queue, delay = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local k, now = key(id), logical_ms()
local mark = nonce .. '/' .. by
local got = redis.call('HMGET', k, 'committed_by', 'committed_as', 'cancel')
if got[1] == mark then return got[2] end
if not holds(id, nonce) then return 'lost' end
if by == 'sweeper' then
  local expires = redis.call('ZSCORE', 'ps:leases', id)
  if expires and tonumber(expires) > now then return 'lost' end
end
-- Counts how long this attempt's hops took. `seen`: what its worker saw, `began ran left`; none from a sweeper.
local function count_hops(seen)
  local at, waited = string.match(redis.call('HGET', k, 'claimed') or '', '^(%d+) (%d+)$')
  redis.call('HDEL', k, 'claimed')
  if not at then return redis.call('HDEL', k, 'hops') end
  local took, rest, ran = {waited}, wall_us() - at, 0
  for us in string.gmatch(seen or '- - -', '%S+') do
    took[#took + 1] = us
    ran = ran + (tonumber(us) or 0)
  end
  took[#took + 1] = seen and string.format('%.0f', math.max(0, rest - ran)) or '-'
  redis.call('HSET', k, 'hops', table.concat(took, ' '))
  for i, hop in ipairs(HOPS) do
    if tonumber(took[i]) then count_time('ps:hops', hop, took[i]) end
  end
  local queue = counted(redis.call('HGET', k, 'queue'))
  count_time('ps:counts', 'wait:' .. queue, waited)
  if seen then count_time('ps:counts', 'run:' .. queue, string.format('%.0f', ran)) end
end
local seen
for i = 8, #ARGV, 2 do if ARGV[i] == 'hops' then seen = ARGV[i + 1] end end
write(k, 8)
count_hops(seen)
if got[3] == '1' then
  redis.call('HSET', k, 'cause', 'cancelled', 'error', 'The job was cancelled.')
  redis.call('HDEL', k, 'result', 'traceback')
  state = 'REVOKED'
end
if state == 'AWAIT' then
  state = 'RUNNING'
  let_go(id)
  set_state(id, state)
  redis.call('ZADD', 'ps:awaiting', now + delay, id)
  redis.call('HSET', k, 'children', redis.call('SCARD', 'ps:children:' .. id), 'done', count_ended(id))
  local wants, failed = wait_for(id, redis.call('HGET', k, 'awaited') or '')
  if wants == 0 or failed then ripen(id, now) end
elseif state == 'RETRY' then
  local tried = redis.call('HMGET', k, 'queue', 'cause')
  redis.call('HINCRBY', 'ps:counts', 'retry:' .. counted(tried[1]) .. ':' .. (tried[2] or 'other'), 1)
  line_up(id, queue, now, delay)
  set_state(id, 'RETRY')
else
  finish(id, state)
end
redis.call('HSET', k, 'committed_by', mark, 'committed_as', state)
redis.call('HDEL', k, 'fence')
return state
