-- load(most, priorities, queue, ...): {waiting, running} of these queues together.
-- waiting: those in line, and those between two attempts, of which the `most` that are due next are looked at: half a
-- minute at most lies between them and their line (jobs/retry.py). Neither those parked for a licence token, nor those
-- that begin with the results of others: one more worker could do nothing for them.
-- running: those that a worker has; who awaits the jobs that it has started has no lease. There are no more leases than slots.
local wanted, waiting = {}, 0
for i = 4, #ARGV do
  local queue = ARGV[i]
  if not wanted[queue] then
    wanted[queue] = true
    for priority = 0, tonumber(ARGV[3]) - 1 do waiting = waiting + redis.call('ZCARD', line_of(queue, priority)) end
  end
end
local function count(ids)
  local found = 0
  for _, id in ipairs(ids) do
    if wanted[redis.call('HGET', key(id), 'queue') or ''] then found = found + 1 end
  end
  return found
end
waiting = waiting + count(redis.call('ZRANGE', 'ps:delayed', 0, tonumber(ARGV[2]) - 1))
return {waiting, count(redis.call('ZRANGE', 'ps:leases', 0, -1))}
