package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.models.NvmeBench.Completion;
import dev.outboard.models.shape.NvmeShape.Doorbells;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.WaitPolicy;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The NVMe controller, driven register by register. */
@Timeout(60)
class NvmeModelTest {
    private static final long DATA = NvmeBench.IOVA + NvmeBench.DATA;
    private static final int PAGE = NvmeBench.PAGE;
    private static final int READ = 2;
    private static final int WRITE = 1;

    @TempDir Path directory;
    private int before;

    @BeforeEach
    void count() {
        before = Descriptor.openCount();
    }

    @AfterEach
    void leakNothing() {
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private Path socket() {
        return directory.resolve("nv.sock");
    }

    private NvmeModel model() {
        var model = new NvmeModel(NvmeBench.options(socket(), NvmeBench.shape()));
        model.start();
        return model;
    }

    private NvmeModel model(Doorbells doorbells, long latencyNanos) {
        var shape = NvmeBench.shape(doorbells, latencyNanos);
        var model = new NvmeModel(NvmeBench.options(socket(), shape));
        model.start();
        return model;
    }

    private NvmeBench bench() {
        return new NvmeBench(socket(), true).start();
    }

    @Test
    void shouldSayWhatItIs() {
        try (var model = model();
                var bench = bench()) {
            assertThat(bench.registers.getLong(0) & 0xffff).isEqualTo(255);
            assertThat(bench.registers.getInt(8)).isEqualTo(0x10400);
            NvmeBench.require(bench.admin(0x06, 0, DATA, 0, 1, 0));
            var page = bench.page(NvmeBench.DATA);
            var text = page.asSlice(4, 20).toArray(ValueLayout.JAVA_BYTE);
            assertThat(new String(text, StandardCharsets.US_ASCII)).startsWith("nv  ");
            assertThat(page.get(ValueLayout.JAVA_INT, 516)).as("namespaces").isEqualTo(1);
            assertThat(page.get(ValueLayout.JAVA_BYTE, 77)).as("most pages").isEqualTo((byte) 8);
            NvmeBench.require(bench.admin(0x06, 1, DATA, 0, 0, 0));
            assertThat(page.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(8192);
            assertThat(bench.admin(0x06, 2, DATA, 0, 0, 0).status()).as("none").isEqualTo(0x400b);
            assertThat(bench.admin(0x06, 0, DATA, 0, 0x77, 0).status()).isEqualTo(0x4002);
            assertThat(bench.admin(0x99, 0, DATA, 0, 0, 0).status()).isEqualTo(0x4001);
            assertThat(bench.admin(0x09, 0, 0, 0, 7, 63 | 63 << 16).result())
                    .as("queues")
                    .isEqualTo(3 | 3 << 16);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldReadWhatWasWritten(boolean isByFile) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        try (var model = model();
                var bench = new NvmeBench(socket(), isByFile).start()) {
            for (int round = 0; round < 60; round++) {
                int blocks = 1 + random.nextInt(isByFile ? 1024 : 64);
                int length = blocks * 512;
                long block = random.nextInt(8192 - blocks);
                int offset = random.nextInt(PAGE / 4) * 4;
                var bytes = new byte[length];
                random.nextBytes(bytes);
                int at = NvmeBench.DATA + 2 * PAGE + offset;
                bench.memory.asSlice(at, length).copyFrom(MemorySegment.ofArray(bytes));
                long second = list(bench, NvmeBench.IOVA + at, length);
                NvmeBench.require(
                        bench.io(WRITE, 1, NvmeBench.IOVA + at, second, block, blocks - 1));
                bench.memory.asSlice(at, length).fill((byte) 0);
                NvmeBench.require(
                        bench.io(READ, 1, NvmeBench.IOVA + at, second, block, blocks - 1));
                assertThat(bench.memory.asSlice(at, length).mismatch(MemorySegment.ofArray(bytes)))
                        .as("seed %d round %d", seed, round)
                        .isEqualTo(-1);
            }
        }
    }

    /** The second pointer of a transfer: nothing, the second page, or a list, over a chain. */
    private static long list(NvmeBench bench, long iova, int length) {
        int inFirst = PAGE - (int) (iova % PAGE);
        int left = length - inFirst;
        if (left <= PAGE) {
            return iova + inFirst;
        }
        // Four entries before the end of a page, so that the list goes on in another.
        int at = NvmeBench.DATA + PAGE - 32;
        int page = 0;
        for (long done = 0; done < left; done += PAGE) {
            boolean isLast = left - done <= PAGE;
            if ((at + 8) % PAGE == 0 && !isLast) {
                int next = NvmeBench.DATA + (600 + page++) * PAGE;
                bench.memory.set(ValueLayout.JAVA_LONG, at, NvmeBench.IOVA + next);
                at = next;
            }
            bench.memory.set(ValueLayout.JAVA_LONG, at, iova + inFirst + done);
            at += 8;
        }
        return NvmeBench.IOVA + NvmeBench.DATA + PAGE - 32;
    }

    @Test
    void shouldFollowScatterGatherLists() {
        try (var model = model();
                var bench = bench()) {
            var memory = bench.memory;
            for (int at = 0; at < 2048; at++) {
                memory.set(ValueLayout.JAVA_BYTE, NvmeBench.DATA + at, (byte) (at * 7));
            }
            int list = NvmeBench.DATA + 4 * PAGE;
            // Two descriptors here, and the last two in another segment.
            descriptor(memory, list, DATA, 100, 0);
            descriptor(memory, list + 16, DATA + 100, 412, 0);
            descriptor(memory, list + 32, NvmeBench.IOVA + list + 512, 32, 0x30);
            descriptor(memory, list + 512, DATA + 512, 1, 0);
            descriptor(memory, list + 528, DATA + 513, 511, 0);
            assertThat(sgl(bench, WRITE, NvmeBench.IOVA + list, 48, 0x20, 1).status()).isZero();
            memory.asSlice(NvmeBench.DATA, 2048).fill((byte) 0);
            assertThat(sgl(bench, READ, DATA, 1024, 0, 1).status()).isZero();
            for (int at = 0; at < 1024; at++) {
                assertThat(memory.get(ValueLayout.JAVA_BYTE, NvmeBench.DATA + at))
                        .isEqualTo((byte) (at * 7));
            }
            assertThat(sgl(bench, READ, DATA, 1000, 0, 1).status()).as("short").isEqualTo(0x400f);
            assertThat(sgl(bench, READ, DATA, 1024, 0x10, 1).status()).isEqualTo(0x4011);
            assertThat(sgl(bench, READ, DATA, 7, 0x30, 1).status()).isEqualTo(0x400d);
            // A segment that leads to itself, without end.
            descriptor(memory, list, NvmeBench.IOVA + list, 16, 0x20);
            assertThat(sgl(bench, READ, NvmeBench.IOVA + list, 16, 0x20, 1).status())
                    .isEqualTo(0x400d);
        }
    }

    private static void descriptor(
            MemorySegment memory, int at, long address, int length, int type) {
        memory.set(ValueLayout.JAVA_LONG, at, address);
        memory.set(ValueLayout.JAVA_LONG, at + 8, length | (long) type << 56);
    }

    private static Completion sgl(
            NvmeBench bench, int opcode, long address, int length, int type, int blocks) {
        return bench.io(opcode | 0x4000, 1, address, length | (long) type << 56, 3, blocks);
    }

    @Test
    void shouldRefuseWhatCannotBe() {
        try (var model = model();
                var bench = bench()) {
            assertThat(bench.io(READ, 1, DATA, 0, 8192, 0).status()).isEqualTo(0x4080);
            assertThat(bench.io(READ, 1, DATA, 0, -1L, 0).status()).isEqualTo(0x4080);
            assertThat(bench.io(READ, 2, DATA, 0, 0, 0).status()).isEqualTo(0x400b);
            assertThat(bench.io(0x55, 1, DATA, 0, 0, 0).status()).isEqualTo(0x4001);
            assertThat(bench.io(READ, 1, DATA + 2, 0, 0, 0).status()).isEqualTo(0x4013);
            assertThat(bench.io(READ, 1, 0x1000, 0, 0, 0).status()).isEqualTo(0x4004);
            assertThat(bench.io(READ, 1, -PAGE, 0, 0, 0).status()).isEqualTo(0x4004);
            assertThat(bench.io(READ, 1, DATA, 0, 0, 4095).status()).as("2 MiB").isEqualTo(0x4002);
            assertThat(bench.io(READ | 0x100, 1, DATA, 0, 0, 0).status()).isEqualTo(0x4002);
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 8191, 0));
            assertThat(model.statistics().errors()).isEqualTo(9);
            assertThat(model.statistics().reads()).isOne();
        }
    }

    /** Nothing of a write whose memory is not all there may reach the medium. */
    @Test
    void shouldChangeNothingWhenAWriteFaults() {
        try (var model = model();
                var bench = bench()) {
            bench.page(NvmeBench.DATA).fill((byte) 1);
            var refused = bench.io(WRITE, 1, DATA, 0x7000_0000L, 0, 15);
            assertThat(refused.status()).isEqualTo(0x4004);
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 7));
            assertThat(bench.page(NvmeBench.DATA).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        }
    }

    @Test
    void shouldRefuseQueuesThatCannotBe() {
        try (var model = model();
                var bench = bench()) {
            long ring = NvmeBench.IOVA + 10 * PAGE;
            assertThat(bench.admin(0x05, 0, ring, 0, 5 | 7 << 16, 3).status()).isEqualTo(0x4101);
            assertThat(bench.admin(0x05, 0, ring, 0, 0 | 7 << 16, 3).status()).isEqualTo(0x4101);
            assertThat(bench.admin(0x05, 0, ring, 0, 1 | 7 << 16, 3).status()).isEqualTo(0x4101);
            assertThat(bench.admin(0x05, 0, ring, 0, 2, 3).status()).isEqualTo(0x4102);
            assertThat(bench.admin(0x05, 0, ring, 0, 2 | 511 << 16, 3).status()).isEqualTo(0x4102);
            assertThat(bench.admin(0x05, 0, ring + 8, 0, 2 | 7 << 16, 3).status())
                    .isEqualTo(0x4013);
            assertThat(bench.admin(0x05, 0, ring, 0, 2 | 7 << 16, 5 << 16 | 3).status())
                    .isEqualTo(0x4108);
            assertThat(bench.admin(0x05, 0, ring, 0, 2 | 7 << 16, 2).status()).isEqualTo(0x4002);
            assertThat(bench.admin(0x01, 0, ring, 0, 2 | 7 << 16, 2 << 16 | 1).status())
                    .isEqualTo(0x4100);
            assertThat(bench.admin(0x04, 0, 0, 0, 1, 0).status()).as("used").isEqualTo(0x410c);
            NvmeBench.require(bench.admin(0x00, 0, 0, 0, 1, 0));
            NvmeBench.require(bench.admin(0x04, 0, 0, 0, 1, 0));
            assertThat(bench.admin(0x00, 0, 0, 0, 1, 0).status()).isEqualTo(0x4101);
            bench.start();
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
        }
    }

    @Test
    void shouldZeroAndGiveBackWhatItIsTold() {
        try (var model = model();
                var bench = bench()) {
            bench.page(NvmeBench.DATA).fill((byte) 9);
            for (int block = 0; block < 64; block += 8) {
                NvmeBench.require(bench.io(WRITE, 1, DATA, 0, block, 7));
            }
            NvmeBench.require(bench.io(0x08, 1, 0, 0, 1, 1));
            int ranges = NvmeBench.DATA + PAGE;
            bench.memory.set(ValueLayout.JAVA_LONG, ranges, 8L << 32);
            bench.memory.set(ValueLayout.JAVA_LONG, ranges + 8, 8);
            bench.memory.set(ValueLayout.JAVA_LONG, ranges + 16, 3L << 32);
            bench.memory.set(ValueLayout.JAVA_LONG, ranges + 24, 21);
            NvmeBench.require(bench.io(0x09, 1, DATA + PAGE, 0, 1L | 4L << 32, 0));
            NvmeBench.require(bench.io(0x00, 1, 0, 0, 0, 0));
            NvmeBench.require(bench.io(0x00, -1, 0, 0, 0, 0));
            for (int block = 0; block < 64; block++) {
                NvmeBench.require(bench.io(READ, 1, DATA, 0, block, 0));
                boolean isZero =
                        block >= 1 && block < 3
                                || block >= 8 && block < 16
                                || block >= 21 && block < 24;
                assertThat(bench.memory.get(ValueLayout.JAVA_BYTE, NvmeBench.DATA + 100))
                        .as("block %d", block)
                        .isEqualTo((byte) (isZero ? 0 : 9));
            }
            bench.memory.set(ValueLayout.JAVA_LONG, ranges + 24, 8190);
            assertThat(bench.io(0x09, 1, DATA + PAGE, 0, 1L | 4L << 32, 0).status())
                    .isEqualTo(0x4080);
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
            assertThat(bench.memory.get(ValueLayout.JAVA_BYTE, NvmeBench.DATA))
                    .as("of a list with a wrong range nothing is done")
                    .isEqualTo((byte) 9);
        }
    }

    @Test
    void shouldInterruptOnTheVectorOfTheQueue() {
        try (var model = model();
                var bench = new NvmeBench(socket(), true)) {
            bench.listen();
            bench.start();
            bench.events.get(1).drain();
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
            assertThat(bench.events.get(1).await(NvmeBench.TIMEOUT_NANOS)).isTrue();
            assertThat(bench.events.get(2).drain()).isZero();
        }
    }

    @Test
    void shouldStopWhenARingCannotBeReachedAndComeBackByAReset() {
        try (var model = model();
                var bench = bench()) {
            long nowhere = 0x6000_0000L;
            NvmeBench.require(bench.admin(0x05, 0, nowhere, 0, 2 | 7 << 16, 1));
            NvmeBench.require(bench.admin(0x01, 0, nowhere, 0, 2 | 7 << 16, 2 << 16 | 1));
            bench.registers.putInt(0x1010, 1);
            awaitStatus(bench, 2, 2);
            bench.start();
            assertThat(bench.registers.getInt(0x1c)).isOne();
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
        }
    }

    private static void awaitStatus(NvmeBench bench, int mask, int value) {
        long deadline = System.nanoTime() + NvmeBench.TIMEOUT_NANOS;
        while ((bench.registers.getInt(0x1c) & mask) != value) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldBeFatalWhenItIsEnabledWrongly() {
        try (var model = model();
                var bench = bench()) {
            bench.registers.putInt(0x14, 0);
            assertThat(bench.registers.getInt(0x1c)).isZero();
            bench.registers.putInt(0x24, 0);
            bench.registers.putInt(0x14, 1);
            assertThat(bench.registers.getInt(0x1c) & 3).isEqualTo(2);
            bench.start();
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
        }
    }

    @Test
    void shouldTellOfADoorbellThatIsWrongAndGoOn() {
        try (var model = model();
                var bench = bench()) {
            int asked = bench.adminLater(0x0c, 0, 0, 0, 0, 0);
            bench.registers.putInt(0x1008, 64);
            var told = bench.takeAdmin();
            assertThat(told.id()).isEqualTo(asked);
            assertThat(told.result()).isEqualTo(0x010100);
            bench.registers.putInt(0x1008, 0);
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
            for (int request = 0; request < 4; request++) {
                bench.adminLater(0x0c, 0, 0, 0, 0, 0);
            }
            assertThat(bench.admin(0x0c, 0, 0, 0, 0, 0).status()).isEqualTo(0x4105);
        }
    }

    @Test
    void shouldAbortWhatIsHeldAndForgetItInAReset() {
        try (var model = model(Doorbells.MAPPED, TimeUnit.MILLISECONDS.toNanos(300));
                var bench = bench()) {
            int first = bench.put(READ, 1, DATA, 0, 0, 0);
            int second = bench.put(READ, 1, DATA, 0, 1, 0);
            bench.ring();
            awaitHead(bench);
            assertThat(bench.admin(0x08, 0, 0, 0, 1 | first << 16, 0).result()).isZero();
            assertThat(bench.admin(0x08, 0, 0, 0, 1 | 99 << 16, 0).result()).isOne();
            var aborted = bench.take(NvmeBench.TIMEOUT_NANOS);
            assertThat(aborted.id()).isEqualTo(first);
            assertThat(aborted.status() & 0x7ff).isEqualTo(7);
            var done = bench.take(NvmeBench.TIMEOUT_NANOS);
            assertThat(done.id()).isEqualTo(second);
            assertThat(done.status()).isZero();
            bench.put(READ, 1, DATA, 0, 1, 0);
            bench.ring();
            bench.start();
            assertThat(bench.take(TimeUnit.MILLISECONDS.toNanos(400))).as("forgotten").isNull();
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
        }
    }

    /** An admin command is answered after the I/O ring was looked at, at the latest the second. */
    private static void awaitHead(NvmeBench bench) {
        for (int look = 0; look < 3; look++) {
            NvmeBench.require(bench.admin(0x0a, 0, 0, 0, 7, 0));
        }
    }

    @ParameterizedTest
    @EnumSource(Doorbells.class)
    void shouldServeDoorbellsInMemoryAndSleep(Doorbells doorbells) throws InterruptedException {
        try (var model = model(doorbells, 0);
                var bench = bench()) {
            var status =
                    bench.admin(
                                    0x7c,
                                    0,
                                    NvmeBench.IOVA + NvmeBench.SHADOWS,
                                    NvmeBench.IOVA + NvmeBench.EVENTS,
                                    0,
                                    0)
                            .status();
            assertThat(status).isEqualTo(doorbells == Doorbells.MAPPED ? 0x4001 : 0);
            if (doorbells == Doorbells.MAPPED) {
                return;
            }
            Thread.sleep(50);
            assertThat(LoopThread.busyMillis("nvme", 300)).as("of 300 ms").isLessThan(30);
            int rung = 0;
            for (int round = 0; round < 300; round++) {
                int old = bench.ioTail();
                bench.put(READ, 1, DATA, 0, round, 0);
                rung += ring(bench, old) ? 1 : 0;
                NvmeBench.require(bench.take(NvmeBench.TIMEOUT_NANOS));
            }
            assertThat(rung).as("a message each time it sleeps").isPositive();
        }
    }

    /** As a driver does that uses the buffers; whether it rang. */
    private static boolean ring(NvmeBench bench, int old) {
        int now = bench.ioTail();
        var word = ValueLayout.JAVA_INT.varHandle();
        word.setVolatile(bench.memory, (long) NvmeBench.SHADOWS + 8, now);
        VarHandle.fullFence();
        int event = (int) word.getVolatile(bench.memory, (long) NvmeBench.EVENTS + 8);
        boolean isDue = (now - event - 1 & 0xffff) < (now - old & 0xffff);
        if (isDue) {
            bench.ring();
        }
        return isDue;
    }

    @Test
    void shouldFlushFilesAndRefuseToWriteReadOnlyOnes() throws IOException {
        var file = directory.resolve("disk.raw");
        Files.write(file, new byte[1 << 20]);
        var writable = new NvmeOptions.Disk(file, 0, 4096, false);
        var options =
                new NvmeOptions(
                        socket(),
                        "nv",
                        null,
                        List.of(writable, new NvmeOptions.Disk(null, 8192, 512, false)),
                        NvmeBench.shape(),
                        WaitPolicy.DEFAULT);
        try (var model = new NvmeModel(options)) {
            model.start();
            try (var bench = bench()) {
                bench.page(NvmeBench.DATA).fill((byte) 3);
                NvmeBench.require(bench.io(WRITE, 1, DATA, 0, 5, 1L << 30));
                NvmeBench.require(bench.io(WRITE, 2, DATA, 0, 15, 0));
                NvmeBench.require(bench.io(0, -1, 0, 0, 0, 0));
                NvmeBench.require(bench.io(READ, 2, DATA, 0, 0, 0));
                assertThat(bench.io(READ, 2, DATA, 0, 16, 0).status()).isEqualTo(0x4080);
                assertThat(bench.io(READ, 1, DATA, 0, 256, 0).status()).isEqualTo(0x4080);
            }
            assertThat(Files.readAllBytes(file)[5 * 4096 + 4095]).isEqualTo((byte) 3);
            assertThatThrownBy(() -> new NvmeModel(options).run(() -> {}))
                    .isInstanceOf(DeviceModelException.class);
        }
        var readOnly =
                new NvmeOptions(
                        socket(),
                        "nv",
                        null,
                        List.of(new NvmeOptions.Disk(file, 0, 4096, true)),
                        NvmeBench.shape(),
                        WaitPolicy.DEFAULT);
        try (var model = new NvmeModel(readOnly)) {
            model.start();
            try (var bench = bench()) {
                assertThat(bench.io(WRITE, 1, DATA, 0, 5, 0).status()).isEqualTo(0x4020);
                assertThat(bench.io(8, 1, 0, 0, 5, 0).status()).isEqualTo(0x4020);
                NvmeBench.require(bench.io(READ, 1, DATA, 0, 5, 0));
            }
        }
        assertThat(Files.readAllBytes(file)[5 * 4096]).isEqualTo((byte) 3);
    }

    /** Not before its driver has allowed it, and not after that was taken back. */
    @Test
    void shouldReachNothingWithoutBusMastering() {
        try (var model = model();
                var bench = bench()) {
            bench.client.allowDma(false);
            bench.put(READ, 1, DATA, 0, 0, 0);
            bench.ring();
            assertThat(bench.take(TimeUnit.MILLISECONDS.toNanos(100))).isNull();
            bench.client.allowDma(true);
            NvmeBench.require(bench.take(NvmeBench.TIMEOUT_NANOS));
        }
    }

    @Test
    void shouldReachNothingThatWasUnmapped() {
        try (var model = model();
                var bench = bench()) {
            long extra = 0x9000_0000L;
            bench.client.map(
                    extra, bench.page(NvmeBench.DATA), bench.file.descriptor(), NvmeBench.DATA, 2);
            NvmeBench.require(bench.io(READ, 1, extra, 0, 0, 0));
            assertThat(bench.io(WRITE, 1, extra, 0, 0, 0).status()).as("write-only").isNotZero();
            bench.client.unmap(extra, PAGE);
            bench.page(NvmeBench.DATA).fill((byte) 5);
            assertThat(bench.io(READ, 1, extra, 0, 0, 0).status()).isEqualTo(0x4004);
            assertThat(bench.page(NvmeBench.DATA).toArray(ValueLayout.JAVA_BYTE)).containsOnly(5);
        }
    }

    @Test
    void shouldAllocateNothingWhileItServes() {
        try (var model = model();
                var bench = bench()) {
            for (int round = 0; round < 20_000; round++) {
                NvmeBench.require(bench.io(1 + round % 2, 1, DATA, 0, round % 1000, 7));
            }
            long allocated = LoopThread.allocatedBytes("nvme");
            for (int round = 0; round < 5_000; round++) {
                NvmeBench.require(bench.io(1 + round % 2, 1, DATA, 0, round % 1000, 7));
            }
            // Less than a word a command: what compilers and the look at sockets leave.
            assertThat(LoopThread.allocatedBytes("nvme") - allocated).isLessThan(8 * 5_000);
        }
    }

    /** Any command, any ring, any pointer: the controller answers or rests, and a reset mends. */
    @Test
    void shouldLiveThroughAnyCommand() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        try (var model = model();
                var bench = bench()) {
            var command = new byte[64];
            int done = 0;
            for (int round = 0; round <= 31 * 1000; round++) {
                mutate(random, command);
                bench.putRaw(command);
                if (round % 31 != 0) {
                    continue;
                }
                bench.ring();
                int expected = round == 0 ? 1 : 31;
                for (int one = 0; one < expected; one++) {
                    assertThat(bench.take(NvmeBench.TIMEOUT_NANOS))
                            .as("seed %d round %d", seed, round)
                            .isNotNull();
                    done++;
                }
            }
            assertThat(done).isPositive();
            assertThat(bench.registers.getInt(0x1c)).as("seed %d", seed).isOne();
            NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
        }
    }

    private static void mutate(Random random, byte[] command) {
        var words = MemorySegment.ofArray(command);
        words.fill((byte) 0);
        int[] opcodes = {0, 1, 2, 8, 9, random.nextInt(256)};
        int opcode = opcodes[random.nextInt(opcodes.length)];
        int flags = random.nextInt(4) == 0 ? random.nextInt(256) : 0;
        words.set(
                ValueLayout.JAVA_INT_UNALIGNED,
                0,
                opcode | flags << 8 | random.nextInt(65536) << 16);
        words.set(ValueLayout.JAVA_INT_UNALIGNED, 4, random.nextInt(8) == 0 ? random.nextInt() : 1);
        for (int at = 24; at < 64; at += 8) {
            long[] values = {
                0,
                DATA + random.nextInt(1 << 20),
                DATA + random.nextInt(200) * 4096L,
                random.nextLong(),
                random.nextInt(9000),
                random.nextInt(4096) | (long) random.nextInt(4) << 60,
                NvmeBench.IOVA + NvmeBench.MEMORY_BYTES - random.nextInt(8192)
            };
            words.set(ValueLayout.JAVA_LONG_UNALIGNED, at, values[random.nextInt(values.length)]);
        }
    }

    @Test
    void shouldServeTheNextAfterAnyEndOfTheOneBefore() {
        try (var model = model()) {
            for (int round = 0; round < 5; round++) {
                try (var bench = bench()) {
                    for (int one = 0; one < 20; one++) {
                        bench.put(READ, 1, DATA, 0, one, 0);
                    }
                    bench.ring();
                }
            }
            try (var bench = bench()) {
                NvmeBench.require(bench.io(READ, 1, DATA, 0, 0, 0));
            }
            assertThat(model.statistics().lastReason()).contains("closed");
        }
    }
}
