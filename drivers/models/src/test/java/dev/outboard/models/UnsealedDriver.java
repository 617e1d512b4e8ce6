package dev.outboard.models;

import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.virtio.VirtioFeatures;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;

/** A network driver whose memory is a file that it can cut off: it seals nothing. */
final class UnsealedDriver implements AutoCloseable {
    private static final long BYTES = 1 << 20;
    private static final long GUEST = 0x4000_0000L;
    private static final long FRAME = GUEST + 0x8_0000;
    private static final int ENTRIES = 128;
    private static final int TRANSMIT = 1;

    private final MemoryFile file = MemoryFile.create("unsealed", BYTES);
    private final Mapping mapping = file.map(0, BYTES, true);
    private final EventDescriptor kick = EventDescriptor.create();
    private final VhostFrontEnd frontEnd;
    private final TestRing ring;

    UnsealedDriver(Path socket) {
        frontEnd = VhostFrontEnd.connect(socket, 5_000_000_000L);
        frontEnd.setProtocolFeatures(frontEnd.protocolFeatures());
        frontEnd.setOwner();
        frontEnd.setFeatures(VirtioFeatures.VERSION_1 | VirtioFeatures.RING_EVENT_IDX | 1L << 30);
        frontEnd.setMemoryTable(
                List.of(new MemoryRegion(GUEST, BYTES, GUEST, 0, file.descriptor())));
        ring = new TestRing(mapping.memory(), address -> address - GUEST, GUEST, ENTRIES);
        frontEnd.setVringSize(TRANSMIT, ENTRIES);
        frontEnd.setVringBase(TRANSMIT, 0);
        frontEnd.setVringAddresses(TRANSMIT, GUEST, ring.usedAddress, ring.availableAddress);
        frontEnd.setVringKick(TRANSMIT, kick);
        frontEnd.setVringEnabled(TRANSMIT, true);
        byte[] frame = NicDriver.frame(DriverProcess.OTHER, DriverProcess.OWN, 500, 1);
        MemorySegment.copy(
                frame,
                0,
                mapping.memory(),
                ValueLayout.JAVA_BYTE,
                FRAME - GUEST + 12,
                frame.length);
    }

    /** Sends frames, which the other driver takes. */
    void send(int frames, NicDriver receiver) {
        for (int i = 0; i < frames; i++) {
            offer();
            Await.until(
                    "the frame to be taken",
                    () -> {
                        receiver.poll();
                        return ring.take();
                    });
        }
    }

    private void offer() {
        ring.descriptor(ring.availableIndex % ENTRIES, FRAME, 512, 0, 0);
        int before = ring.availableIndex;
        ring.offer(before % ENTRIES);
        if (ring.publish(true, before)) {
            kick.signal();
        }
    }

    /** Offers a frame, and takes it and the rings away. */
    void truncate() throws IOException {
        try (var end = new RandomAccessFile("/proc/self/fd/" + file.descriptor().number(), "rw")) {
            end.setLength(0);
        }
        kick.signal();
    }

    @Override
    public void close() {
        frontEnd.close();
        kick.close();
        mapping.close();
        file.close();
    }
}
