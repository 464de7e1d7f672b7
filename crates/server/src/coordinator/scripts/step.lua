-- Stores a record if the stored one has the version before it.
-- KEYS: the record, all by when they are due, those not ended. ARGV: the version before, the version, the record, its summary,
-- when it is due, its id, 1 if it is not ended, the most not ended, the most records.
local before = redis.call('HGET', KEYS[1], 'v') or '0'
if before ~= ARGV[1] then return 'changed' end
if before == '0' then
  if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[8]) then return 'open' end
  if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[9]) then return 'records' end
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'r', ARGV[3], 's', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[6])
if ARGV[7] == '1' then redis.call('SADD', KEYS[3], ARGV[6]) else redis.call('SREM', KEYS[3], ARGV[6]) end
return 'done'
