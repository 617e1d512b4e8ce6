package dev.outboard.host.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.dma.Strategy;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.LinkListener;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.models.NicModel;
import dev.outboard.models.NicOptions;
import dev.outboard.models.NicPortOptions;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Two network drivers and the switch between them: frames of every kind, whatever stands before the
 * devices.
 */
@Timeout(120)
class NetOnSwitchTest {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final int EVERYTHING =
            FrameOffload.UNSUMMED | FrameOffload.MERGED_IPV4 | FrameOffload.MERGED_IPV6;
    private static final int ROUNDS = 150;
    private static final int HEADERS = 54;
    private static final int MSS = 1448;
    private static final int PAGE = 4096;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    @TempDir Path folder;
    private final Resources resources = new Resources();
    private NicModel model;
    private End one;
    private End other;

    /** A driver on a port. */
    private final class End {
        final PhysicalMemory memory = resources.add(PhysicalMemory.create(48 << 20));
        final NetworkService net;
        final DmaMemory slab;

        End(String port, Strategy strategy, int queues) {
            DmaServices services;
            var domain =
                    strategy == Strategy.OFF
                            ? null
                            : resources
                                    .add(IommuOwner.listen(owner(port)))
                                    .claim(
                                            port,
                                            memory,
                                            DomainOptions.DEFAULT
                                                    .withTableEntries(1 << 16)
                                                    .withServices(queues));
            if (domain == null) {
                services = resources.add(new DmaServices(() -> Dma.off(memory)));
            } else {
                resources.add(domain);
                services = resources.add(new DmaServices(() -> domain.dma(strategy)));
            }
            var setup =
                    new DeviceSetup(
                            port,
                            Match.type("virtio", 1),
                            memory,
                            services,
                            domain,
                            256,
                            RingChoice.AUTO,
                            queues,
                            EVERYTHING,
                            WaitPolicy.BLOCK,
                            false,
                            fault -> {
                                throw new AssertionError(fault);
                            });
            var device =
                    resources.add(new VhostUserBus().open(folder.resolve(port).toString(), setup));
            var driver =
                    ServiceLoader.load(Driver.class).stream()
                            .map(ServiceLoader.Provider::get)
                            .filter(found -> found.name().equals("virtio-net"))
                            .findFirst()
                            .orElseThrow();
            net = resources.add((NetworkService) driver.start(device));
            slab = resources.add(memory.allocate(64 * PAGE));
        }
    }

    private Path owner(String port) {
        return folder.resolve(port + ".iommu");
    }

    private void start(Strategy strategy, int queues) {
        var ports = new NicPortOptions[2];
        for (int port = 0; port < 2; port++) {
            var name = "port" + port;
            ports[port] = NicPortOptions.at(folder.resolve(name)).withName(name).withQueues(queues);
            if (strategy != Strategy.OFF) {
                ports[port] = ports[port].withIommu(owner(name));
            }
        }
        model = resources.add(new NicModel(NicOptions.of(ports)));
        model.start();
        one = new End("port0", strategy, queues);
        other = new End("port1", strategy, queues);
    }

    @AfterEach
    void close() {
        resources.close();
    }

    /** Ethernet, IPv4 and TCP of a frame, with the sum of the pseudo header. */
    private void writeHeaders(MemorySegment frame, int lengthBytes, int flow) {
        frame.copyFrom(MemorySegment.ofArray(other.net.macAddress()));
        frame.asSlice(6).copyFrom(MemorySegment.ofArray(one.net.macAddress()));
        frame.set(SHORT, 12, (short) 0x0800);
        frame.asSlice(14, 40).fill((byte) 0);
        frame.set(ValueLayout.JAVA_BYTE, 14, (byte) 0x45);
        frame.set(SHORT, 16, (short) (lengthBytes - 14));
        frame.set(ValueLayout.JAVA_BYTE, 22, (byte) 64);
        frame.set(ValueLayout.JAVA_BYTE, 23, (byte) 6);
        frame.set(SHORT, 26, (short) 0x0a00);
        frame.set(SHORT, 28, (short) 1);
        frame.set(SHORT, 30, (short) 0x0a00);
        frame.set(SHORT, 32, (short) 2);
        frame.set(SHORT, 24, (short) ~sum(frame, 14, 20, 0));
        frame.set(SHORT, 34, (short) (1000 + flow));
        frame.set(SHORT, 36, (short) 80);
        frame.set(ValueLayout.JAVA_BYTE, 46, (byte) 0x50);
        frame.set(SHORT, 50, (short) sum(frame, 26, 8, 6 + lengthBytes - 34));
    }

    private static int sum(MemorySegment frame, int from, int bytes, int start) {
        int sum = start;
        for (int at = from; at < from + bytes; at += 2) {
            sum += frame.get(SHORT, at) & 0xffff;
        }
        sum = (sum & 0xffff) + (sum >>> 16);
        return (sum & 0xffff) + (sum >>> 16);
    }

    /** What a frame carries behind its headers. */
    private static byte[] payload(ReceivedFrame frame) {
        var all = MemorySegment.ofArray(new byte[frame.lengthBytes()]);
        long at = 0;
        for (int part = 0; part < frame.parts(); part++) {
            MemorySegment.copy(
                    frame.memory(part), frame.offset(part), all, at, frame.lengthBytes(part));
            at += frame.lengthBytes(part);
        }
        return all.asSlice(HEADERS).toArray(ValueLayout.JAVA_BYTE);
    }

    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "GRANTED")
    void shouldCarryFramesOfEveryKind(Strategy strategy) {
        start(strategy, 1);
        var random = new Random(strategy.ordinal());
        Deque<byte[]> expected = new ArrayDeque<>();
        var sent = new ArrayList<Integer>();
        var out = one.net.transmitQueue(0);
        out.onSent(sent::add);
        var kept = new ArrayDeque<Integer>();
        int[] merged = new int[1];
        ReceivedFrameHandler handler =
                frame -> {
                    merged[0] += frame.parts() > 1 ? 1 : 0;
                    assertThat(payload(frame)).isEqualTo(expected.removeFirst());
                    if (random.nextInt(4) == 0) {
                        frame.keep();
                        for (int part = 0; part < frame.parts(); part++) {
                            kept.add(frame.token(part));
                        }
                    }
                };
        var list = new ScatterGatherList(17);
        var slab = one.slab.memory();
        for (int round = 0; round < ROUNDS; round++) {
            var content = new byte[100 + random.nextInt(round % 3 == 0 ? 60_000 : 1300)];
            random.nextBytes(content);
            expected.add(content);
            int length = HEADERS + content.length;
            long offload = FrameOffload.checksum(34, 16);
            if (length > 1514) {
                offload = FrameOffload.segments(34, HEADERS, MSS, false);
            }
            int buffer = out.claim();
            var claimed = out.memory().asSlice(out.offset(buffer), out.capacityBytes());
            if (round % 3 == 1) {
                writeHeaders(claimed, length, 0);
                claimed.asSlice(HEADERS).copyFrom(MemorySegment.ofArray(content));
                out.commit(buffer, length, offload);
            } else if (round % 3 == 2) {
                out.abandon(buffer);
                writeHeaders(slab, length, 0);
                slab.asSlice(HEADERS).copyFrom(MemorySegment.ofArray(content));
                assertThat(out.post(one.slab.physicalAddress(), length, offload, round)).isTrue();
            } else {
                writeHeaders(claimed, length, 0);
                slab.asSlice(PAGE).copyFrom(MemorySegment.ofArray(content));
                list.clear();
                for (int at = 0; at < content.length; at += PAGE) {
                    list.add(
                            one.slab.physicalAddress() + PAGE + at,
                            Math.min(PAGE, content.length - at));
                }
                assertThat(out.transmit(buffer, HEADERS, list, offload)).isTrue();
            }
            assertThat(out.flush()).isEqualTo(1);
            receive(expected, handler);
            while (kept.size() > 60 || !kept.isEmpty() && random.nextBoolean()) {
                other.net.receiveQueue(0).release(kept.removeFirst());
            }
            awaitSent();
        }
        assertThat(sent).hasSize(ROUNDS / 3);
        assertThat(merged[0]).as("frames in several buffers").isGreaterThan(10);
        assertThat(other.net.statistics().damagedFrames()).isZero();
        assertThat(other.net.statistics().receivedFrames()).isEqualTo(ROUNDS);
    }

    private void receive(Deque<byte[]> expected, ReceivedFrameHandler handler) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!expected.isEmpty()) {
            assertThat(System.nanoTime()).as("frames are lost").isLessThan(deadline);
            for (int pair = 0; pair < other.net.queuePairs(); pair++) {
                var in = other.net.receiveQueue(pair);
                if (in.pollFrames(handler, 16) == 0) {
                    in.await(TimeUnit.MILLISECONDS.toNanos(1));
                }
            }
        }
    }

    private void awaitSent() {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (one.net.transmitQueue(0).pending() > 0) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            one.net.transmitQueue(0).await(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    @Test
    void shouldUseSeveralPairsOfQueues() {
        start(Strategy.STRICT, 2);
        assertThat(one.net.queuePairs()).isEqualTo(2);
        assertThat(other.net.queuePairs()).isEqualTo(2);
        for (int flow = 0; flow < 400; flow++) {
            var out = one.net.transmitQueue(flow % 2);
            var content = new byte[200];
            new Random(flow).nextBytes(content);
            Deque<byte[]> expected = new ArrayDeque<>();
            expected.add(content);
            int buffer = out.claim();
            var claimed = out.memory().asSlice(out.offset(buffer), out.capacityBytes());
            writeHeaders(claimed, HEADERS + 200, flow);
            claimed.asSlice(HEADERS).copyFrom(MemorySegment.ofArray(content));
            out.commit(buffer, HEADERS + 200, FrameOffload.checksum(34, 16));
            out.flush();
            receive(
                    expected,
                    frame -> assertThat(payload(frame)).isEqualTo(expected.removeFirst()));
        }
        assertThat(one.net.statistics().sentFrames()).isPositive();
    }

    /** What a listener heard. */
    private static final class Heard implements LinkListener {
        private final BlockingQueue<String> events = new LinkedBlockingQueue<>();

        @Override
        public void onLink(boolean isUp) {
            events.add(isUp ? "up" : "down");
        }

        @Override
        public void onAnnounce() {
            events.add("announce");
        }

        String next() throws InterruptedException {
            return events.poll(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void shouldHearOfACableThatIsPulled() throws InterruptedException {
        start(Strategy.OFF, 1);
        var heard = new Heard();
        one.net.onLink(heard);
        for (int round = 0; round < 3; round++) {
            model.link("port0", false);
            assertThat(heard.next()).isEqualTo("down");
            assertThat(one.net.isLinkUp()).isFalse();
            assertThat(other.net.isLinkUp()).isTrue();
            model.link("port0", true);
            assertThat(heard.next()).isEqualTo("up");
            assertThat(heard.next()).isEqualTo("announce");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"OFF", "STRICT", "DEFERRED"})
    void shouldReceiveIntoMemoryOfTheClient(Strategy strategy) {
        start(strategy, 1);
        var in = other.net.receiveQueue(0);
        assertThat(in.isSuppliable()).isTrue();
        var supplied = new ArrayList<Boolean>();
        for (int life = 0; life < 3; life++) {
            supplied.clear();
            int next = 0;
            for (int round = 0; round < 600; round++) {
                while (life < 2
                        && in.supply(
                                other.slab.memory(),
                                next % 64 * (long) PAGE,
                                other.slab.physicalAddress() + next % 64 * (long) PAGE,
                                2048,
                                next)) {
                    next++;
                }
                sendOne(round, supplied);
            }
            assertThat(supplied).hasSize(600);
            assertThat(supplied.subList(300, 600)).containsOnly(life < 2);
            in.withdraw();
        }
    }

    private void sendOne(int round, List<Boolean> supplied) {
        var content = new byte[300];
        new Random(round).nextBytes(content);
        Deque<byte[]> expected = new ArrayDeque<>();
        expected.add(content);
        var out = one.net.transmitQueue(0);
        int buffer = out.claim();
        var claimed = out.memory().asSlice(out.offset(buffer), out.capacityBytes());
        writeHeaders(claimed, HEADERS + 300, 0);
        claimed.asSlice(HEADERS).copyFrom(MemorySegment.ofArray(content));
        out.commit(buffer, HEADERS + 300, FrameOffload.checksum(34, 16));
        out.flush();
        receive(
                expected,
                frame -> {
                    assertThat(payload(frame)).isEqualTo(expected.removeFirst());
                    supplied.add(frame.isSupplied(0));
                });
    }
}
