package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDebug;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DmaMistake;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import dev.outboard.virtio.RingFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The whole driver on a device that writes wild indexes, lengths, chains, headers and events into
 * every field of every kind of ring: each session either works or ends in a {@link
 * DeviceException}; nothing hangs, and nothing outside the ring's own buffers is shown or changed.
 *
 * <p>{@code -Doutboard.mutations=10000000} makes as many, {@code -Doutboard.seed=N} the same ones
 * again.
 */
class RingFuzzTest {
    private static final long MUTATIONS = Long.getLong("outboard.mutations", 1_000_000);
    private static final int MEMORY_BYTES = 4 << 20;
    private static final int PAGE_BYTES = 4096;
    private static final int STEPS = 400;

    /** A command ends most sessions: it is seldom given. */
    private static final int COMMAND_STEPS = 800;

    private static final int WATCHED = 64;
    private static final byte CANARY = (byte) 0xa5;

    private final long seed = Long.getLong("outboard.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);
    private final ArrayDeque<Integer> kept = new ArrayDeque<>();
    private PhysicalMemory physical;
    private DmaMemory payload;
    private MemorySegment memory;
    private long base;
    private ReceiveQueue receive;
    private CheckingDma checking;
    private long commands;
    private long shown;
    private long broken;
    private long refused;

    @Test
    @Timeout(600)
    void shouldNeitherCrashNorHangNorLeaveItsBuffers() {
        System.out.println("RingFuzzTest: -Doutboard.seed=" + seed);
        int descriptors = Descriptor.openCount();
        try (var all = PhysicalMemory.create(MEMORY_BYTES);
                var dma = Dma.off(all);
                var data = dma.allocate(2 * PAGE_BYTES)) {
            physical = all;
            payload = data;
            memory = all.segments().getFirst().memory();
            base = all.segments().getFirst().physicalAddress();
            long mutations = 0;
            for (int session = 0; mutations < MUTATIONS; session++) {
                var format = format(session & 15);
                try {
                    mutations +=
                            session % WATCHED == 0
                                    ? watched(dma, format)
                                    : session(dma, format, false);
                } catch (RuntimeException | AssertionError e) {
                    throw new AssertionError(
                            "seed=%d session=%d %s".formatted(seed, session, format), e);
                }
            }
        }
        assertThat(Descriptor.openCount()).as("seed=%d", seed).isEqualTo(descriptors);
        assertThat(shown).as("frames shown, seed=%d", seed).isPositive();
        assertThat(commands).as("commands, seed=%d", seed).isPositive();
        assertThat(broken).as("sessions broken off, seed=%d", seed).isPositive();
        assertThat(refused).as("devices refused, seed=%d", seed).isPositive();
    }

    private static RingFormat format(int bits) {
        return new RingFormat((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0);
    }

    /** A session whose mappings are looked at, and all memory that it does not have. */
    private long watched(Dma dma, RingFormat format) {
        memory.fill(CANARY);
        // What the device was told of it may write: that is an IOMMU's work to stop.
        payload.memory().fill((byte) 0);
        try (var debug = new DmaDebug(physical, DmaDebug.DEFAULT_LIVE_LIMIT)) {
            // Not closed: what it watches is closed by its owner.
            long mutations = session(debug.watch(dma), format, true);
            assertThat(debug.counts().keySet())
                    .as(debug.lines().toString())
                    .isSubsetOf(DmaMistake.SYNC_FORGOTTEN);
            return mutations;
        }
    }

    private long session(Dma dma, RingFormat format, boolean isWatched) {
        checking = new CheckingDma(dma, base, MEMORY_BYTES);
        var device = new HostileDevice(physical, checking.dma(), format, random);
        kept.clear();
        NetworkService net;
        try {
            net = (NetworkService) new VirtioNetDriver().start(device);
        } catch (DeviceException e) {
            refused++;
            return 1;
        }
        try (net) {
            boolean[] others = isWatched ? canaries() : new boolean[0];
            try {
                run(net, device);
            } catch (DeviceException e) {
                broken++;
            }
            assertUntouched(others);
        }
        return 1 + device.mutations();
    }

    private boolean[] canaries() {
        var pages = new boolean[MEMORY_BYTES / PAGE_BYTES];
        for (int page = 0; page < pages.length; page++) {
            pages[page] = isCanary(page);
        }
        return pages;
    }

    private boolean isCanary(int page) {
        long word = 0x0101010101010101L * (CANARY & 0xff);
        for (long at = (long) page * PAGE_BYTES; at < (page + 1L) * PAGE_BYTES; at += Long.BYTES) {
            if (memory.get(ValueLayout.JAVA_LONG, at) != word) {
                return false;
            }
        }
        return true;
    }

    private void assertUntouched(boolean[] others) {
        for (int page = 0; page < others.length; page++) {
            if (others[page] && !isCanary(page)) {
                throw new AssertionError("page " + page + " is not the session's, and was written");
            }
        }
    }

    private void run(NetworkService net, HostileDevice device) {
        receive = net.receiveQueue(0);
        var transmit = net.transmitQueue(0);
        for (int step = 0; step < STEPS; step++) {
            for (int i = random.nextInt(4); i >= 0; i--) {
                device.act();
            }
            if (random.nextInt(COMMAND_STEPS) == 0) {
                command(net);
            }
            switch (random.nextInt(8)) {
                case 0, 1 -> receive.poll(this::check, 1 + random.nextInt(64));
                case 2, 3 -> receive.pollFrames(this::onFrame, 1 + random.nextInt(64));
                case 4, 5 -> send(transmit);
                case 6 -> gather(transmit);
                default -> wait(transmit);
            }
        }
    }

    /** Some command that its device may not have, may refuse, or answers with nonsense. */
    private void command(NetworkService net) {
        commands++;
        try {
            switch (random.nextInt(5)) {
                case 0 -> net.setMacAddress(new byte[] {2, 0, 0, 0, 0, (byte) random.nextInt()});
                case 1 -> net.receiveAll(random.nextBoolean());
                case 2 -> net.receiveAllGroups(random.nextBoolean());
                case 3 -> net.receiveGroups(List.of(new byte[] {1, 0, 0x5e, 0, 0, 1}));
                default -> net.receiveOffloads(random.nextInt(8));
            }
        } catch (UnsupportedOperationException | IllegalArgumentException absent) {
            commands--;
        }
    }

    private void wait(TransmitQueue transmit) {
        transmit.pending();
        if (random.nextInt(8) == 0) {
            receive.await(0);
            transmit.await(0);
        }
        while (!kept.isEmpty()) {
            receive.release(kept.pop());
        }
    }

    private void send(TransmitQueue transmit) {
        for (int i = random.nextInt(8); i > 0; i--) {
            int buffer = transmit.claim();
            if (buffer == TransmitQueue.NONE) {
                break;
            }
            transmit.commit(buffer, 14 + random.nextInt(50));
        }
        transmit.flush();
    }

    private void gather(TransmitQueue transmit) {
        var list = new ScatterGatherList(4);
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            list.add(payload.physicalAddress() + random.nextInt(PAGE_BYTES), 1 + random.nextInt(6));
        }
        int buffer = transmit.claim();
        if (buffer == TransmitQueue.NONE) {
            return;
        }
        if (!transmit.transmit(buffer, 64, list, 0)) {
            transmit.abandon(buffer);
        }
    }

    /** A frame in one piece. */
    private void check(MemorySegment where, long offset, int lengthBytes) {
        shown++;
        assertThat(lengthBytes).isPositive();
        long start = where.asSlice(offset, lengthBytes).address() - memory.address();
        if (start < 0 || start + lengthBytes > MEMORY_BYTES) {
            throw new AssertionError("a frame was shown that is in no buffer: at " + start);
        }
    }

    private void onFrame(ReceivedFrame frame) {
        shown++;
        int left = frame.lengthBytes();
        for (int part = 0; part < frame.parts(); part++) {
            int bytes = frame.lengthBytes(part);
            check(frame.memory(part), frame.offset(part), bytes);
            if (!checking.isBack(frame.physicalAddress(part), bytes)) {
                throw new AssertionError("a part of a frame is not in a buffer that came back");
            }
            left -= bytes;
        }
        assertThat(left).isZero();
        if (random.nextInt(16) == 0) {
            frame.keep();
            for (int part = 0; part < frame.parts(); part++) {
                kept.push(frame.token(part));
            }
        }
    }
}
