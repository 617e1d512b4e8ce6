package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.iommu.Access;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostProtocolException;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Devices that ask their front-end for translations: a helpful one, a silent one, a hostile one.
 */
@Timeout(120)
class AskedDeviceTest extends NicFixture {
    private static final int PAGE = 4096;
    private static final long USER = 0x7000_0000_0000L;
    private static final byte CANARY = 0x5c;
    private static final int IO_ERROR = 1;

    private DiskModel diskModel;

    /** What a device asked of a front-end that answers nothing by itself. */
    private static final class Silent implements BackEndChannel.Listener {
        final List<Long> misses = new ArrayList<>();
        final List<Long> failures = new ArrayList<>();

        @Override
        public boolean iotlbMissed(long iova, int access) {
            misses.add(iova);
            return true;
        }

        @Override
        public void accessFailed(long iova, int access) {
            failures.add(iova);
        }
    }

    private NicDriver fed(int port, Strategy strategy) {
        return opened(NicDriver.start(TestDriver.openFed(socket(port), strategy), 0));
    }

    private DiskDriver fedDisk(Strategy strategy) throws IOException {
        var file = Files.write(directory.resolve("disk.raw"), new byte[1 << 20]);
        var disk = opened(new DiskModel(DiskOptions.of(directory.resolve("disk.sock"), file)));
        disk.start();
        diskModel = disk;
        return opened(
                DiskDriver.of(
                        TestDriver.openFed(directory.resolve("disk.sock"), strategy).start(1, 0)));
    }

    @Test
    void shouldForwardFramesThroughTranslationsThatItAskedFor() {
        startModel(2, false, 5_000_000_000L);
        var a = fed(0, Strategy.STRICT);
        var b = fed(1, Strategy.STRICT).supply(16);
        for (int i = 0; i < 2000; i++) {
            var frame = NicDriver.frame(B, A, 60 + i % 1455, i);
            a.send(frame, i % 3 == 0);
            assertThat(b.next()).as("frame %d", i).isEqualTo(frame);
        }
        assertThat(port(0).asked().hits()).isGreaterThan(2000);
        assertThat(port(0).asked().misses()).isPositive();
        assertThat(port(0).faults() + port(1).faults()).isZero();
    }

    @Test
    void shouldReachEveryPortWithAFrameForAllOnce() {
        startModel(4, false, 5_000_000_000L);
        var a = fed(0, Strategy.STRICT);
        var others = List.of(fed(1, Strategy.STRICT), fed(2, Strategy.STRICT), driver(3, false));
        others.forEach(other -> other.supply(16));
        for (int i = 0; i < 50; i++) {
            var frame = NicDriver.frame(ALL, A, 100, i);
            a.send(frame, false);
            for (var other : others) {
                assertThat(other.next()).as("frame %d", i).isEqualTo(frame);
            }
        }
        others.forEach(other -> assertThat(other.poll()).isNull());
    }

    @ParameterizedTest
    @EnumSource(names = {"STRICT", "DEFERRED", "BATCHED", "CACHED"})
    void shouldServeADiskThroughTranslationsThatItAskedFor(Strategy strategy) throws IOException {
        var disk = fedDisk(strategy);
        var bytes = new byte[64 * 1024];
        new Random(3).nextBytes(bytes);
        assertThat(disk.write(0, 7, bytes, 5)).isZero();
        assertThat(disk.flush(0)).isZero();
        assertThat(disk.read(0, 7, bytes.length, 9)).isEqualTo(bytes);
        for (int i = 0; i < 200; i++) {
            assertThat(readInto(disk, i)).isZero();
        }
        var domain = (DeviceDomain) disk.driver.domain;
        // Its rings are mapped memory, too.
        disk.driver.frontEnd.stopVring(0);
        disk.driver.dma.close();
        var asked = diskModel.statistics().asked();
        var told = domain.statistics().counters();
        assertThat(asked.misses()).isEqualTo(told.misses()).isPositive();
        // A push may overtake the answer to a miss: the request is done, its page unmapped, and the
        // answer is that there is nothing.
        assertThat(asked.updates())
                .isEqualTo(told.misses() - domain.lateMisses() + domain.pushedUpdates());
        assertThat(asked.invalidations()).isEqualTo(told.invalidations() + told.flushes());
        assertThat(asked.faults()).isZero();
    }

    /** A page that is mapped for one request; the status of the request. */
    private static int readInto(DiskDriver disk, int number) {
        try (var memory = disk.driver.dma.allocate(PAGE)) {
            long iova =
                    disk.driver.dma.map(memory.physicalAddress(), PAGE, DmaDirection.FROM_DEVICE);
            memory.memory().fill(CANARY);
            int status = readTo(disk, iova, number);
            disk.driver.dma.unmap(iova, PAGE);
            assertThat(memory.memory().get(ValueLayout.JAVA_BYTE, 77)).isNotEqualTo(CANARY);
            return status;
        }
    }

    private static int readTo(DiskDriver disk, long iova, int number) {
        return disk.request(
                0,
                BlockDescriptor.TYPE_IN,
                number % 2000,
                new long[] {iova, PAGE},
                true,
                disk.statusAddress());
    }

    @Test
    void shouldStopWhenMappingsGoHoweverOftenOldAddressesAreTried() throws IOException {
        var disk = fedDisk(Strategy.STRICT);
        var dma = disk.driver.dma;
        var old = new ArrayList<Long>();
        try (DmaMemory memory = dma.allocate(16 * PAGE)) {
            for (int i = 0; i < 16; i++) {
                long page = memory.physicalAddress() + (long) i * PAGE;
                long iova = dma.map(page, PAGE, DmaDirection.FROM_DEVICE);
                assertThat(readTo(disk, iova, i)).isZero();
                assertThat(
                                disk.request(
                                        0,
                                        BlockDescriptor.TYPE_OUT,
                                        1,
                                        new long[] {iova, PAGE},
                                        false,
                                        disk.statusAddress()))
                        .as("what may be written may not be read")
                        .isEqualTo(IO_ERROR);
                old.add(iova);
            }
            old.forEach(iova -> dma.unmap(iova, PAGE));
            memory.memory().fill(CANARY);
            long before = diskModel.statistics().faults();
            for (int round = 0; round < 10; round++) {
                for (long iova : old) {
                    assertThat(readTo(disk, iova, round)).isEqualTo(IO_ERROR);
                }
            }
            assertThat(diskModel.statistics().faults()).isEqualTo(before + 160);
            assertThat(memory.memory().toArray(ValueLayout.JAVA_BYTE)).containsOnly(CANARY);
        }
        assertThat(diskModel.statistics().asked().late()).as("it was told").isZero();
        assertThat(readInto(disk, 1)).as("what is mapped is reached as ever").isZero();
    }

    @Test
    void shouldWriteIntoNoBufferWhoseMappingGoesWhileFramesFlow() throws Exception {
        startModel(2, false, 5_000_000_000L);
        var a = fed(0, Strategy.STRICT);
        var b = fed(1, Strategy.STRICT);
        var dma = b.driver.dma;
        int buffers = 64;
        try (DmaMemory memory = dma.allocate(buffers * PAGE)) {
            var iovas = new long[buffers];
            for (int i = 0; i < buffers; i++) {
                iovas[i] =
                        dma.map(
                                memory.physicalAddress() + (long) i * PAGE,
                                PAGE,
                                DmaDirection.FROM_DEVICE);
                b.receive.descriptor(i, iovas[i], PAGE, FLAG_WRITE, 0);
                b.receive.offer(i);
            }
            b.driver.publish(NicDriver.RECEIVE, 0);
            var sender =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        for (int i = 0; i < buffers; i++) {
                                            a.send(NicDriver.frame(B, A, 1500, i), false);
                                        }
                                    });
            Await.until("the first frames", () -> port(1).receivedFrames() > 4);
            for (int i = buffers - 1; i >= buffers / 2; i--) {
                dma.unmap(iovas[i], PAGE);
                memory.memory().asSlice((long) i * PAGE, PAGE).fill(CANARY);
            }
            sender.join();
            Await.until(
                    "every buffer back", () -> port(1).receivedFrames() + port(1).faults() == 64);
            assertGoneAreUntouched(memory, buffers);
            for (int i = 0; i < buffers / 2; i++) {
                dma.unmap(iovas[i], PAGE);
            }
        }
        assertThat(port(1).faults() + port(1).receivedFrames()).isEqualTo(buffers);
    }

    private static void assertGoneAreUntouched(DmaMemory memory, int buffers) {
        for (int i = buffers / 2; i < buffers; i++) {
            assertThat(
                            memory.memory()
                                    .asSlice((long) i * PAGE, PAGE)
                                    .toArray(ValueLayout.JAVA_BYTE))
                    .as("buffer %d", i)
                    .containsOnly(CANARY);
        }
    }

    /** Queues of a device whose questions this test answers, or not. */
    private NicDriver asked(int port, Silent listener, List<BackEndChannel> channels) {
        var driver = TestDriver.openAsked(socket(port));
        driver.negotiate(0);
        channels.add(opened(driver.frontEnd.openBackEndChannel(listener)));
        driver.startQueue(0, TestDriver.ENTRIES);
        driver.startQueue(1, TestDriver.ENTRIES);
        return opened(NicDriver.of(driver));
    }

    private static void tellAll(NicDriver of) {
        var block = of.driver.block;
        of.driver.frontEnd.updateIotlb(
                block.iova(), TestDriver.BLOCK_BYTES, block.iova() + USER, Access.READ_WRITE);
    }

    @Test
    void shouldGoOnWithOtherPortsWhileOneWaitsForAnAnswerThatNeverComes() throws Exception {
        startModel(3, false, 20_000_000);
        var a = driver(0, false);
        var b = driver(1, false).supply(64);
        var silent = new Silent();
        var channels = new ArrayList<BackEndChannel>();
        var mute = asked(2, silent, channels);
        tellAll(mute);
        mute.supply(8);
        var hello = NicDriver.frame(ALL, C, 60, 0);
        mute.send(hello, false);
        assertThat(b.next()).isEqualTo(hello);
        b.send(NicDriver.frame(C, B, 60, 0), false);
        mute.next();
        // From now on nothing of its memory is known, and nobody answers.
        mute.driver.frontEnd.invalidateIotlb(0, Long.MAX_VALUE);
        a.send(NicDriver.frame(C, A, 60, 1), false);
        mute.send(NicDriver.frame(A, C, 60, 2), false);
        for (int i = 0; i < 200; i++) {
            var frame = NicDriver.frame(B, A, 200, i);
            a.send(frame, false);
            assertThat(b.next()).isEqualTo(frame);
        }
        assertThat(port(2).connected()).isTrue();
        assertThat(port(2).droppedNoBuffer()).as("the sender's patience").isOne();
        long before = System.nanoTime();
        mute.driver.frontEnd.stopVring(0);
        mute.driver.frontEnd.stopVring(1);
        assertThat(System.nanoTime() - before)
                .as("stopping does not wait for the answer")
                .isLessThan(TimeUnit.MILLISECONDS.toNanos(900));
        channels.getFirst().onReadable();
        assertThat(silent.misses).isNotEmpty();
    }

    @Test
    void shouldCallAnAnswerThatNeverComesAFault() {
        startModel(2, false, 20_000_000);
        var silent = new Silent();
        var channels = new ArrayList<BackEndChannel>();
        var mute = asked(0, silent, channels);
        var block = mute.driver.block;
        // The rings are known, the buffers are not.
        mute.driver.frontEnd.updateIotlb(
                block.iova(),
                mute.transmitBuffers - block.iova(),
                block.iova() + USER,
                Access.READ_WRITE);
        mute.send(NicDriver.frame(B, A, 60, 1), false);
        Await.until("a fault", () -> port(0).faults() == 1);
        assertThat(port(0).asked().late()).isOne();
        assertThat(channels.getFirst().onReadable()).isTrue();
        assertThat(silent.misses).endsWith(mute.transmitBuffers);
        assertThat(silent.failures).containsExactly(mute.transmitBuffers);
        assertThat(port(0).connected()).isTrue();
    }

    @Test
    void shouldNotTouchTheDiskBeforeItKnowsWhereTheStatusGoes() throws Exception {
        var file = Files.write(directory.resolve("disk.raw"), new byte[1 << 20]);
        var place = directory.resolve("disk.sock");
        opened(new DiskModel(DiskOptions.of(place, file))).start();
        var silent = new Silent();
        var driver = TestDriver.openAsked(place);
        driver.negotiate(0);
        var channel = opened(driver.frontEnd.openBackEndChannel(silent));
        driver.startQueue(0, TestDriver.ENTRIES);
        var disk = opened(DiskDriver.of(driver));
        long status = driver.block.iova() + TestDriver.BLOCK_BYTES - PAGE;
        driver.frontEnd.updateIotlb(
                driver.block.iova(),
                TestDriver.BLOCK_BYTES - PAGE,
                driver.block.iova() + USER,
                Access.READ_WRITE);
        disk.data(PAGE).fill(CANARY);
        var request =
                Thread.ofPlatform()
                        .start(
                                () ->
                                        disk.request(
                                                0,
                                                BlockDescriptor.TYPE_OUT,
                                                0,
                                                new long[] {disk.data, PAGE},
                                                false,
                                                status));
        Await.until("a question", () -> channel.onReadable() && silent.misses.contains(status));
        assertThat(Files.readAllBytes(file)).containsOnly(0);
        driver.frontEnd.updateIotlb(status, PAGE, status + USER, Access.WRITE);
        request.join();
        assertThat(driver.bytes(status, 1).get(ValueLayout.JAVA_BYTE, 0)).isZero();
        assertThat(Files.readAllBytes(file)).startsWith(CANARY, CANARY);
    }

    @Test
    void shouldRefuseWhatIsNoTranslationAndGoOn() {
        startModel(2, false, 5_000_000_000L);
        var channels = new ArrayList<BackEndChannel>();
        var a = asked(0, new Silent(), channels);
        var b = driver(1, false).supply(8);
        tellAll(a);
        var frontEnd = a.driver.frontEnd;
        long end =
                a.driver.regions().getLast().userAddress()
                        + a.driver.regions().getLast().lengthBytes();
        assertThatThrownBy(() -> frontEnd.updateIotlb(0x1000, PAGE, 0x1000, 3))
                .isInstanceOf(VhostProtocolException.class);
        assertThatThrownBy(() -> frontEnd.updateIotlb(a.driver.block.iova(), PAGE, end - 1, 3))
                .isInstanceOf(VhostProtocolException.class);
        frontEnd.invalidateIotlb(0x1000, PAGE);
        var frame = NicDriver.frame(B, A, 60, 1);
        a.send(frame, false);
        assertThat(b.next()).isEqualTo(frame);
    }

    @Test
    void shouldNotStartARingThatItCannotAskFor() {
        startModel(2, false);
        var driver = opened(TestDriver.openAsked(socket(0)));
        driver.negotiate(0);
        assertThatThrownBy(() -> driver.startQueue(0, TestDriver.ENTRIES))
                .isInstanceOf(VhostProtocolException.class);
        assertThat(port(0).connected()).isTrue();
    }

    @Test
    void shouldEndWithAFrontEndThatDiesWhileItIsAsked() {
        startModel(2, false);
        var channels = new ArrayList<BackEndChannel>();
        driver(1, false).supply(8);
        int before = Descriptor.openCount();
        for (int i = 0; i < 20; i++) {
            var mute = asked(0, new Silent(), channels);
            mute.supply(8);
            mute.send(NicDriver.frame(B, A, 60, i), false);
            long ended = i + 1;
            if (i % 2 == 0) {
                channels.getLast().close();
            }
            mute.driver.hangUp();
            Await.until("the end of the session", () -> port(0).disconnections() == ended);
            mute.close();
            channels.getLast().close();
        }
        assertThat(port(0).lastReason()).isEqualTo("the front-end closed the connection");
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldNotBeAskedWithoutTheFeature() {
        startModel(2, false);
        var driver = opened(TestDriver.open(socket(0)));
        driver.frontEnd.setProtocolFeatures(
                VhostFeatures.PROTOCOL_REPLY_ACK | VhostFeatures.PROTOCOL_BACKEND_REQ);
        driver.frontEnd.setOwner();
        driver.frontEnd.setFeatures(VirtioFeatures.VERSION_1 | VirtioFeatures.ACCESS_PLATFORM);
        assertThatThrownBy(() -> driver.frontEnd.updateIotlb(0, PAGE, USER, 3))
                .as("there is no memory table")
                .isInstanceOf(VhostProtocolException.class);
        driver.frontEnd.setFeatures(VirtioFeatures.VERSION_1);
        driver.frontEnd.setMemoryTable(driver.regions());
        try (var kick = EventDescriptor.create()) {
            assertThatThrownBy(() -> driver.frontEnd.setVringKick(0, kick))
                    .isInstanceOf(VhostProtocolException.class);
        }
        assertThat(port(0).connected()).isTrue();
    }
}
