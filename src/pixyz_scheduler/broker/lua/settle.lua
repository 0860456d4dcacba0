-- settle(id, awaits, state, field, value, ...): end a job that waited for others, as it was found to end. 1, or 0 where it
-- has ended, or waits for something else since.
local id, awaits, state = ARGV[2], ARGV[3], ARGV[4]
local stands = state_of(id)
if not stands or not HELD[stands] or redis.call('HGET', key(id), 'awaits') ~= awaits then return 0 end
write(key(id), 5)
finish(id, state)
return 1
