package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** A network driver in a test: buffers of 2 KiB, one for each entry of both rings. */
final class NicDriver implements AutoCloseable {
    static final int RECEIVE = 0;
    static final int TRANSMIT = 1;
    static final int BUFFER_BYTES = 2048;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;

    final TestDriver driver;
    final TestRing receive;
    final TestRing transmit;
    private final long receiveBuffers;
    final long transmitBuffers;
    private int sent;
    private int reclaimed;
    long lastLength;

    private NicDriver(TestDriver driver) {
        this.driver = driver;
        receive = driver.rings.get(RECEIVE);
        transmit = driver.rings.get(TRANSMIT);
        receiveBuffers = driver.dataAddress;
        transmitBuffers = receiveBuffers + (long) TestDriver.ENTRIES * BUFFER_BYTES;
    }

    /** Connects and starts, with no receive buffer given yet. */
    static NicDriver start(Path socket, Path iommu) {
        return start(iommu == null ? TestDriver.open(socket) : TestDriver.open(socket, iommu), 0);
    }

    /** Over queues that run already. */
    static NicDriver of(TestDriver started) {
        return new NicDriver(started);
    }

    static NicDriver start(TestDriver driver, long refused) {
        return new NicDriver(driver.start(2, refused));
    }

    /** Gives the device receive buffers 0 to count - 1. */
    NicDriver supply(int count) {
        int before = receive.availableIndex;
        for (int i = 0; i < count; i++) {
            receive.descriptor(
                    i, receiveBuffers + (long) i * BUFFER_BYTES, BUFFER_BYTES, FLAG_WRITE, 0);
            receive.offer(i);
        }
        driver.publish(RECEIVE, before);
        return this;
    }

    /** Gives one back that was taken. */
    void supplyAgain(int head) {
        int before = receive.availableIndex;
        receive.offer(head);
        driver.publish(RECEIVE, before);
    }

    /** Reclaims what was sent; how many frames can be sent now. */
    int room() {
        while (transmit.take()) {
            reclaimed++;
        }
        return TestDriver.ENTRIES / 2 - (sent - reclaimed);
    }

    /** Sends a frame, header and frame in one buffer or in two. */
    void send(byte[] frame, boolean split) {
        Await.until("room to send", () -> room() > 0);
        int slot = sent % (TestDriver.ENTRIES / 2) * 2;
        long address = transmitBuffers + (long) slot * BUFFER_BYTES;
        MemorySegment bytes = driver.bytes(address, BUFFER_BYTES);
        bytes.asSlice(0, HEADER).fill((byte) 0);
        MemorySegment.copy(frame, 0, bytes, ValueLayout.JAVA_BYTE, HEADER, frame.length);
        if (split) {
            transmit.descriptor(slot, address, HEADER, FLAG_NEXT, slot + 1);
            transmit.descriptor(slot + 1, address + HEADER, frame.length, 0, 0);
        } else {
            transmit.descriptor(slot, address, HEADER + frame.length, 0, 0);
        }
        int before = transmit.availableIndex;
        transmit.offer(slot);
        sent++;
        driver.publish(TRANSMIT, before);
    }

    /** Sends a frame that lies, header and all, wherever this address leads. */
    void sendAt(long busAddress, int frameBytes) {
        Await.until("room to send", () -> room() > 0);
        int slot = sent % (TestDriver.ENTRIES / 2) * 2;
        transmit.descriptor(slot, busAddress, HEADER + frameBytes, 0, 0);
        int before = transmit.availableIndex;
        transmit.offer(slot);
        sent++;
        driver.publish(TRANSMIT, before);
    }

    /** Waits until the device has taken all that was sent. */
    void awaitTaken() {
        Await.until("all to be taken", () -> room() == TestDriver.ENTRIES / 2);
    }

    /** The next received frame, whose buffer goes back; null when there is none. */
    byte[] poll() {
        if (!receive.take()) {
            return null;
        }
        lastLength = receive.takenLength;
        if (lastLength == 0) {
            supplyAgain(receive.takenHead);
            return new byte[0];
        }
        long address = receiveBuffers + (long) receive.takenHead * BUFFER_BYTES;
        byte[] all = driver.bytes(address, lastLength).toArray(ValueLayout.JAVA_BYTE);
        if (all[NetDescriptor.HEADER_BUFFERS_OFFSET] != 1) {
            throw new AssertionError("the header does not say that the frame has one buffer");
        }
        var frame = new byte[all.length - HEADER];
        System.arraycopy(all, HEADER, frame, 0, frame.length);
        supplyAgain(receive.takenHead);
        return frame;
    }

    /** Waits for the next frame. */
    byte[] next() {
        var frame = new byte[1][];
        Await.until(
                "a frame",
                () -> {
                    frame[0] = poll();
                    return frame[0] != null;
                });
        return frame[0];
    }

    /** A frame of so many bytes, with a number behind its header. */
    static byte[] frame(MacAddress to, MacAddress from, int length, int number) {
        var frame = new byte[length];
        System.arraycopy(to.bytes(), 0, frame, 0, 6);
        System.arraycopy(from.bytes(), 0, frame, 6, 6);
        frame[12] = (byte) 0x88;
        frame[13] = (byte) 0xb5;
        for (int i = 14; i < length; i++) {
            frame[i] = (byte) (number >>> 8 * (i % 4) ^ i);
        }
        return frame;
    }

    @Override
    public void close() {
        driver.close();
    }
}
