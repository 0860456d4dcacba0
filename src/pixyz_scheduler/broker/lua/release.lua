-- release(digest, nonce): the request made no job: its Idempotency-Key is free again. 1, or 0 where it was not its own.
local k = 'ps:idem:' .. ARGV[2]
if redis.call('HGET', k, 'nonce') ~= ARGV[3] then return 0 end
return redis.call('DEL', k)
