package dev.outboard.netty;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.frames.FrameBuffers;
import dev.outboard.frames.FrameReceiver;
import dev.outboard.frames.FrameRing;
import dev.outboard.frames.FrameTransmitter;
import dev.outboard.frames.ReceiveRing;
import dev.outboard.frames.TransmitRing;
import dev.outboard.internet.InternetSum;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Two interfaces and the wire between them, in this process: the queues are a driver's own, over
 * rings that a test fills and reads. Each end has memory of its own, without an IOMMU.
 */
final class Wire implements AutoCloseable {
    static final int BUFFERS = 64;
    private static final int MTU_BYTES = 1500;

    private final End left;
    private final End right;

    Wire(int offloads) {
        left = new End(1, offloads);
        right = new End(2, offloads);
        left.peer = right;
        right.peer = left;
    }

    End left() {
        return left;
    }

    End right() {
        return right;
    }

    @Override
    public void close() {
        left.shut();
        right.shut();
    }

    /** One interface. Its queues belong to a test's event loop; the rest is for any thread. */
    static final class End implements NetworkService, ClientContext {
        private final PhysicalMemory memory = PhysicalMemory.create(16 << 20);
        private final Dma dma = Dma.off(memory);
        private final int number;
        private final int offloads;
        private final FillRing fill = new FillRing();
        private final SendRing send = new SendRing();
        private final FrameBuffers receiveBuffers = new FrameBuffers(dma, BUFFERS, 0, 1514);
        private final FrameBuffers sendBuffers = new FrameBuffers(dma, BUFFERS, 0, 1514);
        private final FrameReceiver receiver = new FrameReceiver(dma, fill, receiveBuffers);
        private final FrameTransmitter transmitter;
        private final List<byte[]> seen = new ArrayList<>();
        private End peer;
        private volatile boolean isStuck;

        End(int number, int offloads) {
            this.number = number;
            this.offloads = offloads;
            transmitter = new FrameTransmitter(dma, send, sendBuffers, offloads);
            receiver.start();
            receiver.announce();
        }

        /** A frame comes from the wire; lost where no buffer is there. */
        void arrive(byte[] frame) {
            synchronized (fill) {
                var buffer = fill.waiting.poll();
                if (buffer != null) {
                    MemorySegment.copy(
                            frame,
                            0,
                            ram(),
                            ValueLayout.JAVA_BYTE,
                            buffer[0] - base(),
                            frame.length);
                    fill.filled.add(new long[] {buffer[1], frame.length});
                }
            }
            fill.event.signal();
        }

        /** From now on the device takes frames and never says that it read them; or it says all. */
        void stick(boolean isWanted) {
            isStuck = isWanted;
            if (!isWanted) {
                send.event.signal();
            }
        }

        /** What this end has sent so far, oldest first; forgotten with this. */
        List<byte[]> sent() {
            synchronized (seen) {
                var all = List.copyOf(seen);
                seen.clear();
                return all;
            }
        }

        /** Parts of the frame sent last: one where nothing was gathered. */
        int lastParts() {
            return send.lastParts;
        }

        int receiveBuffersWithDevice() {
            synchronized (fill) {
                return fill.waiting.size();
            }
        }

        private MemorySegment ram() {
            return memory.segments().getFirst().memory();
        }

        private long base() {
            return memory.segments().getFirst().physicalAddress();
        }

        long freeBytes() {
            return memory.freeBytes();
        }

        @Override
        public DmaMemory allocate(long lengthBytes) {
            return dma.allocate(lengthBytes);
        }

        @Override
        public Device device() {
            throw new UnsupportedOperationException("there is a wire only");
        }

        @Override
        public Map<String, String> options() {
            return Map.of();
        }

        @Override
        public boolean isStopping() {
            return false;
        }

        @Override
        public void ready() {}

        @Override
        public void result(String name, Object value) {}

        @Override
        public byte[] macAddress() {
            return new byte[] {0x52, 0x54, 0, 0, 0, (byte) number};
        }

        @Override
        public int mtuBytes() {
            return MTU_BYTES;
        }

        @Override
        public boolean isLinkUp() {
            return true;
        }

        @Override
        public int offloads() {
            return offloads;
        }

        @Override
        public int queuePairs() {
            return 1;
        }

        @Override
        public TransmitQueue transmitQueue(int pair) {
            return transmitter;
        }

        @Override
        public ReceiveQueue receiveQueue(int pair) {
            return receiver;
        }

        @Override
        public String describe() {
            return "an end of a wire";
        }

        @Override
        public void close() {
            shut();
        }

        private void shut() {
            receiver.close();
            transmitter.close();
            receiveBuffers.close();
            sendBuffers.close();
            dma.close();
            memory.close();
        }

        /** What both rings share: an event for the interrupt. */
        private abstract class Ring implements FrameRing {
            final EventDescriptor event = EventDescriptor.create();

            @Override
            public void start() {}

            @Override
            public Descriptor descriptor() {
                return event.descriptor();
            }

            @Override
            public boolean arm() {
                return completed() > 0;
            }

            @Override
            public void disarm() {
                event.drain();
            }

            @Override
            public void wake() {
                event.signal();
            }

            @Override
            public boolean await(long timeoutNanos) {
                return completed() > 0 || event.await(timeoutNanos);
            }

            @Override
            public long interrupts() {
                return 0;
            }

            @Override
            public long doorbells() {
                return 0;
            }

            @Override
            public void close() {
                event.close();
            }
        }

        private final class FillRing extends Ring implements ReceiveRing {
            private final ArrayDeque<long[]> waiting = new ArrayDeque<>();
            private final ArrayDeque<long[]> filled = new ArrayDeque<>();
            private int takenLength;

            @Override
            public synchronized int free() {
                return BUFFERS - waiting.size() - filled.size();
            }

            @Override
            public synchronized int outstanding() {
                return waiting.size() + filled.size();
            }

            @Override
            public void publish() {}

            @Override
            public synchronized int completed() {
                return filled.size();
            }

            @Override
            public synchronized int take() {
                var first = filled.remove();
                takenLength = (int) first[1];
                return (int) first[0];
            }

            @Override
            public synchronized void add(long iova, int lengthBytes, int buffer) {
                waiting.add(new long[] {iova, buffer});
            }

            @Override
            public int takenLength() {
                return takenLength;
            }
        }

        private final class SendRing extends Ring implements TransmitRing {
            private final List<long[]> parts = new ArrayList<>();
            private final List<Runnable> unpublished = new ArrayList<>();
            private final ArrayDeque<Integer> done = new ArrayDeque<>();
            private int outstanding;
            private volatile int lastParts;

            @Override
            public int maximumParts() {
                return 4;
            }

            @Override
            public int places(int count) {
                return count;
            }

            @Override
            public int free() {
                return BUFFERS - outstanding;
            }

            @Override
            public int outstanding() {
                return outstanding;
            }

            @Override
            public void add(long iova, int lengthBytes, int buffer, long offload) {
                part(iova, lengthBytes);
                add(buffer, offload);
            }

            @Override
            public void part(long iova, int lengthBytes) {
                parts.add(new long[] {iova, lengthBytes});
            }

            @Override
            public void add(int buffer, long offload) {
                var all = List.copyOf(parts);
                parts.clear();
                outstanding++;
                unpublished.add(() -> send(all, offload));
                done.add(buffer);
            }

            private void send(List<long[]> all, long offload) {
                var frame = new ByteArrayOutputStream();
                for (var part : all) {
                    frame.writeBytes(
                            ram().asSlice(part[0] - base(), part[1])
                                    .toArray(ValueLayout.JAVA_BYTE));
                }
                lastParts = all.size();
                var whole = frame.toByteArray();
                if (offload != FrameOffload.NONE) {
                    sum(whole, offload);
                }
                synchronized (seen) {
                    seen.add(whole);
                }
                peer.arrive(whole);
            }

            private void sum(byte[] frame, long offload) {
                int start = FrameOffload.startBytes(offload);
                var all = MemorySegment.ofArray(frame);
                int sum = InternetSum.add(0, all, start, frame.length - start);
                Bytes.putShort(
                        all,
                        start + FrameOffload.offsetBytes(offload),
                        InternetSum.storedOrOnes(sum));
            }

            @Override
            public void publish() {
                unpublished.forEach(Runnable::run);
                unpublished.clear();
            }

            @Override
            public int completed() {
                return isStuck ? 0 : done.size() - unpublished.size();
            }

            @Override
            public int take() {
                outstanding--;
                return done.remove();
            }
        }
    }

    /** Two interfaces with their event loops, for a test that talks over the wire. */
    static final class Pair implements AutoCloseable {
        final Wire wire;
        final DriverInterface left;
        final DriverInterface right;
        final DriverEventLoopGroup leftGroup;
        final DriverEventLoopGroup rightGroup;

        Pair(int offloads) {
            wire = new Wire(offloads);
            left = open(wire.left, "1");
            right = open(wire.right, "2");
            leftGroup = new DriverEventLoopGroup(left);
            rightGroup = new DriverEventLoopGroup(right);
        }

        private static DriverInterface open(End end, String last) {
            return DriverInterface.open(
                    end,
                    end,
                    IpSettings.of(
                            Map.of(
                                    "ip",
                                    "10.0.0." + last + "/24",
                                    "ip6",
                                    "fd00::" + last + "/64")));
        }

        void with(Consumer<Pair> what) {
            what.accept(this);
        }

        @Override
        public void close() {
            var one = leftGroup.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
            var two = rightGroup.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
            one.syncUninterruptibly();
            two.syncUninterruptibly();
            left.close();
            right.close();
            wire.close();
        }
    }
}
