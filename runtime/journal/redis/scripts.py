"""What Redis does in one step, as Lua (https://redis.io/docs/latest/develop/programmability/eval-intro/).

If the server's memory is full, a script fails at its first write, so before it has changed anything; unless that is
one that takes no memory: hence a new value comes first. A transaction would fail with any command, even to read.
"""

WRITE = """
-- KEYS: the index, the positions, and a stream for each session.
-- ARGV: for each session its member, the position that is expected ('' for none) and the new one; then for each record
-- the place of its session, its id in the stream, and its entry.
local sessions = #KEYS - 2
for i = 0, sessions - 1 do
    if (redis.call('HGET', KEYS[2], ARGV[3 * i + 1]) or '') ~= ARGV[3 * i + 2] then
        return 0
    end
end
for i = 0, sessions - 1 do
    redis.call('HSET', KEYS[2], ARGV[3 * i + 1], ARGV[3 * i + 3])
    redis.call('ZADD', KEYS[1], 0, ARGV[3 * i + 1])
end
for i = 3 * sessions + 1, #ARGV, 3 do
    redis.call('XADD', KEYS[2 + ARGV[i]], ARGV[i + 1], 'entry', ARGV[i + 2])
end
return 1
"""

READ = """
-- KEYS: the positions, and the stream of a session. ARGV: its member, the number of the first record, how many records
-- at most, and after how many bytes no more follow. Returns ids and entries, or nothing if there is no such session.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    return false
end
local page, bytes, first, left = {}, 0, ARGV[2], tonumber(ARGV[3])
while left > 0 and bytes < tonumber(ARGV[4]) do
    local record = redis.call('XRANGE', KEYS[2], first, '+', 'COUNT', 1)[1]
    if not record then
        break
    end
    page[#page + 1] = record[1]
    page[#page + 1] = record[2][2]
    bytes = bytes + #record[2][2]
    first = string.format('%.0f', tonumber(string.match(record[1], '%d+')) + 1)
    left = left - 1
end
return page
"""

PUT_SNAPSHOT = """
-- KEYS: the positions, and the snapshots of a session. ARGV: its member, the number, and the snapshot.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
    local replaced = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[2], ARGV[2])
    redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
    for _, snapshot in ipairs(replaced) do
        if snapshot ~= ARGV[3] then
            redis.call('ZREM', KEYS[2], snapshot)
        end
    end
end
"""

PUT_ROW = """
-- KEYS: the positions, the catalog, the owners, and the list of the owner of before; then the lists that the session
-- leaves, and those that it is in.
-- ARGV: its member, the row that is expected ('' for none), the new one, its time, how many lists it leaves, the owner
-- of before, and the new one. Returns 0 if there is another row than expected. Nothing is done if it is no session.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    return 1
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
for i = 5 + ARGV[5], #KEYS do
    redis.call('ZADD', KEYS[i], ARGV[4], ARGV[1])
end
redis.call('ZADD', KEYS[3], 0, ARGV[7])
for i = 5, 4 + ARGV[5] do
    redis.call('ZREM', KEYS[i], ARGV[1])
end
if redis.call('EXISTS', KEYS[4]) == 0 then
    redis.call('ZREM', KEYS[3], ARGV[6])
end
return 1
"""

DELETE = """
-- KEYS: the index, the positions, the catalog, the owners, the records and the snapshots of a session, the list of its
-- owner, and the lists that it is in.
-- ARGV: its member, the position that is expected ('' for any), its row in the catalog ('' for none), and its owner.
-- Returns -1 if it has another row, 0 if it has another position.
if (redis.call('HGET', KEYS[3], ARGV[1]) or '') ~= ARGV[3] then
    return -1
end
local position = redis.call('HGET', KEYS[2], ARGV[1])
if position and ARGV[2] ~= '' and position ~= ARGV[2] then
    return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('UNLINK', KEYS[5], KEYS[6])
for i = 8, #KEYS do
    redis.call('ZREM', KEYS[i], ARGV[1])
end
if redis.call('EXISTS', KEYS[7]) == 0 then
    redis.call('ZREM', KEYS[4], ARGV[4])
end
return 1
"""
