package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** A peer that sends any bytes and any descriptors: what a hostile one can do. */
final class Wire implements AutoCloseable {
    final UnixSocket socket;
    private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 16);

    Wire(UnixSocket socket) {
        this.socket = socket;
    }

    /** A message as bytes. */
    static byte[] message(int request, int flags, byte... payload) {
        return ByteBuffer.allocate(12 + payload.length)
                .order(ByteOrder.nativeOrder())
                .putInt(request)
                .putInt(flags)
                .putInt(payload.length)
                .put(payload)
                .array();
    }

    static byte[] longs(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.nativeOrder());
        for (long value : values) {
            bytes.putLong(value);
        }
        return bytes.array();
    }

    static byte[] ints(int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.nativeOrder());
        for (int value : values) {
            bytes.putInt(value);
        }
        return bytes.array();
    }

    static byte[] table(int count, long... fields) {
        byte[] head = ints(count, 0);
        byte[] rest = longs(fields);
        return ByteBuffer.allocate(head.length + rest.length).put(head).put(rest).array();
    }

    static Descriptor[] events(int count) {
        Descriptor[] events = new Descriptor[count];
        for (int i = 0; i < count; i++) {
            events[i] = EventDescriptor.create().descriptor();
        }
        return events;
    }

    static Descriptor[] files(int count) {
        Descriptor[] files = new Descriptor[count];
        for (int i = 0; i < count; i++) {
            files[i] = MemoryFile.create("wire", 4096).descriptor();
        }
        return files;
    }

    /** Sends bytes with descriptors, which are closed here: the receiver has its own. */
    void send(byte[] bytes, Descriptor... passed) {
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
        try {
            socket.send(buffer, 0, bytes.length, passed);
        } finally {
            for (Descriptor descriptor : passed) {
                descriptor.close();
            }
        }
    }

    void send(int request, byte[] payload, Descriptor... passed) {
        send(message(request, 1, payload), passed);
    }

    void sendWantingAnswer(int request, byte[] payload, Descriptor... passed) {
        send(message(request, 1 | 8, payload), passed);
    }

    /** What has come, without waiting; empty if nothing has. */
    byte[] received() {
        List<Descriptor> descriptors = new ArrayList<>();
        int got = socket.receive(buffer, 0, buffer.byteSize(), descriptors, false);
        descriptors.forEach(Descriptor::close);
        return buffer.asSlice(0, Math.max(got, 0)).toArray(ValueLayout.JAVA_BYTE);
    }

    @Override
    public void close() {
        socket.close();
    }
}
