package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.Waits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A server written by the letter of the specification, message by message, and without any of the
 * code that is tried: what it does not say is what others leave out. Each test says in what it
 * differs.
 */
class ScriptedServer implements AutoCloseable {
    static final int BAR_BYTES = 0x4000;

    int minor = 1;
    String capabilities = "{\"capabilities\":{}}";
    int regions = 9;
    int irqs = 5;
    int vectors = 4;
    int irqFlags = 1;
    long barBytes = BAR_BYTES;

    /** Message at which the connection is closed, counted from 0; or -1. */
    int diesAt = -1;

    /** Sends every second reply before the first, where two are asked at once. */
    boolean isOutOfOrder;

    final List<String> log = new CopyOnWriteArrayList<>();
    final List<Integer> descriptorsOfIrqs = new CopyOnWriteArrayList<>();
    final List<Integer> accessBytes = new CopyOnWriteArrayList<>();

    /** Error numbers of the client's replies, 0 for none. */
    final List<Integer> replies = new CopyOnWriteArrayList<>();

    final byte[] bar = new byte[BAR_BYTES];
    final byte[] configuration = new byte[256];

    private final UnixServer server;
    private final Thread thread;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment in = arena.allocate(1 << 21);
    private final MemorySegment out = arena.allocate(1 << 21);
    private final ArrayDeque<byte[]> kept = new ArrayDeque<>();
    private volatile boolean closed;
    private UnixSocket socket;

    ScriptedServer(Path path) {
        server = UnixServer.listen(path, UnixSocket.Kind.STREAM);
        configuration[0] = 0x36;
        configuration[1] = 0x1b;
        thread = Thread.ofPlatform().unstarted(this::serve);
    }

    ScriptedServer start() {
        thread.start();
        return this;
    }

    private void serve() {
        while (!closed && socket == null) {
            socket = server.accept();
            Thread.onSpinWait();
        }
        List<Descriptor> passed = new ArrayList<>();
        try {
            for (int message = 0; !closed && message != diesAt; message++) {
                if (!receive(0, 16, passed)
                        || !receive(16, in.get(ValueLayout.JAVA_INT_UNALIGNED, 4), passed)) {
                    break;
                }
                answer(passed.size());
                passed.forEach(Descriptor::close);
                passed.clear();
            }
        } catch (RuntimeException end) {
            log.add(end.toString());
        } finally {
            passed.forEach(Descriptor::close);
            if (socket != null) {
                socket.close();
            }
        }
    }

    private boolean receive(int from, int to, List<Descriptor> passed) {
        int got = from;
        while (got < to) {
            if (closed) {
                return false;
            }
            int now = socket.receive(in, got, to - got, passed, false);
            if (now == UnixSocket.END_OF_STREAM) {
                return false;
            }
            if (now == UnixSocket.WOULD_BLOCK) {
                socket.awaitReadable(1_000_000);
            } else {
                got += now;
            }
        }
        return true;
    }

    /** A word of the request's payload. */
    int word(int offset) {
        return in.get(ValueLayout.JAVA_INT_UNALIGNED, 16 + offset);
    }

    long wide(int offset) {
        return in.get(ValueLayout.JAVA_LONG_UNALIGNED, 16 + offset);
    }

    /** What a test may answer in another way. */
    protected void answer(int descriptors) {
        int command = in.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2);
        if ((in.get(ValueLayout.JAVA_INT_UNALIGNED, 8) & 0xf) == 1) {
            replies.add(in.get(ValueLayout.JAVA_INT_UNALIGNED, 12));
            return;
        }
        log.add(VfioUserDescriptor.name(command));
        switch (command) {
            case 1 -> version();
            case 4 -> reply(words(16, 3, regions, irqs));
            case 5 -> reply(region(word(8)));
            case 7 -> {
                int index = word(8);
                reply(words(16, irqFlags, index, index == 2 ? vectors : 0));
            }
            case 8 -> {
                descriptorsOfIrqs.add(descriptors);
                reply(new byte[0]);
            }
            case 9 -> read();
            case 10 -> write();
            case 2, 3, 13 -> reply(new byte[0]);
            default -> refuse(95);
        }
    }

    private void version() {
        byte[] json = capabilities.getBytes(StandardCharsets.UTF_8);
        byte[] payload = new byte[4 + json.length + (json.length == 0 ? 0 : 1)];
        payload[2] = (byte) minor;
        System.arraycopy(json, 0, payload, 4, json.length);
        reply(payload);
    }

    byte[] region(int index) {
        long length = index == 0 ? barBytes : index == 7 ? configuration.length : 0;
        var payload = MemorySegment.ofArray(new byte[32]);
        payload.set(ValueLayout.JAVA_INT_UNALIGNED, 0, 32);
        payload.set(ValueLayout.JAVA_INT_UNALIGNED, 4, length == 0 ? 0 : 3);
        payload.set(ValueLayout.JAVA_INT_UNALIGNED, 8, index);
        payload.set(ValueLayout.JAVA_LONG_UNALIGNED, 16, length);
        return payload.toArray(ValueLayout.JAVA_BYTE);
    }

    private byte[] registers(int region) {
        return region == 7 ? configuration : bar;
    }

    private void read() {
        int count = word(12);
        accessBytes.add(count);
        byte[] payload = new byte[16 + count];
        MemorySegment.copy(in, ValueLayout.JAVA_BYTE, 16, payload, 0, 16);
        System.arraycopy(registers(word(8)), (int) wide(0), payload, 16, count);
        reply(payload);
    }

    private void write() {
        int count = word(12);
        accessBytes.add(count);
        MemorySegment.copy(in, ValueLayout.JAVA_BYTE, 32, registers(word(8)), (int) wide(0), count);
        byte[] payload = new byte[16];
        MemorySegment.copy(in, ValueLayout.JAVA_BYTE, 16, payload, 0, 16);
        reply(payload);
    }

    static byte[] words(int... words) {
        var payload = MemorySegment.ofArray(new byte[words.length * 4]);
        for (int at = 0; at < words.length; at++) {
            payload.set(ValueLayout.JAVA_INT_UNALIGNED, at * 4L, words[at]);
        }
        return payload.toArray(ValueLayout.JAVA_BYTE);
    }

    void reply(byte[] payload, Descriptor... passed) {
        byte[] message = message(1, 0, payload);
        if (isOutOfOrder && in.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2) == 9 && kept.isEmpty()) {
            kept.add(message);
            return;
        }
        send(message, passed);
        while (!kept.isEmpty()) {
            send(kept.poll());
        }
    }

    void refuse(int errno) {
        send(message(1 | 1 << 5, errno, new byte[0]));
    }

    byte[] message(int flags, int error, byte[] payload) {
        var message = MemorySegment.ofArray(new byte[16 + payload.length]);
        MemorySegment.copy(in, 0, message, 0, 4);
        message.set(ValueLayout.JAVA_INT_UNALIGNED, 4, 16 + payload.length);
        message.set(ValueLayout.JAVA_INT_UNALIGNED, 8, flags);
        message.set(ValueLayout.JAVA_INT_UNALIGNED, 12, error);
        MemorySegment.copy(payload, 0, message, ValueLayout.JAVA_BYTE, 16, payload.length);
        return message.toArray(ValueLayout.JAVA_BYTE);
    }

    void send(byte[] message, Descriptor... passed) {
        MemorySegment.copy(message, 0, out, ValueLayout.JAVA_BYTE, 0, message.length);
        socket.send(out, 0, message.length, passed);
    }

    /** How often it was asked something. */
    long asked(String command) {
        return Arrays.stream(log.toArray()).filter(command::equals).count();
    }

    @Override
    public void close() {
        closed = true;
        Waits.forEnd(thread);
        server.close();
        arena.close();
    }
}
