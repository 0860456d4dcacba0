-- hold(digest, nonce, ms): a request with this Idempotency-Key is at work; again, with its nonce: still.
-- {mine}, {busy} where another one is at work, or {done, id, fingerprint, answer} of the job that the key has made.
local k, nonce, ms = 'ps:idem:' .. ARGV[2], ARGV[3], ARGV[4]
local got = redis.call('HMGET', k, 'nonce', 'id', 'fingerprint', 'answer')
if got[2] then return {'done', got[2], got[3], got[4]} end
if got[1] and got[1] ~= nonce then return {'busy'} end
redis.call('HSET', k, 'nonce', nonce)
redis.call('PEXPIRE', k, ms)
return {'mine'}
