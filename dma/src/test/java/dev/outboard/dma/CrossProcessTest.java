package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The driver's process is this one; the device is another, which may be wrong, stuck or killed. */
@Timeout(120)
final class CrossProcessTest {
    private static final long ENOUGH = 100;
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    @TempDir Path directory;

    private final List<Fault> faults = new CopyOnWriteArrayList<>();
    private PhysicalMemory memory;
    private IommuOwner owner;
    private IommuDomain domain;
    private ChildJvm device;

    @BeforeEach
    void listen() {
        memory = PhysicalMemory.create(4 << 20);
        owner = IommuOwner.listen(directory.resolve("iommu.sock"));
    }

    @AfterEach
    void close() {
        if (device != null) {
            device.close();
        }
        owner.close();
        memory.close();
    }

    private void start(DomainOptions options) {
        domain = owner.claim("nic0", memory, options);
        domain.onFault(faults::add);
        device = DeviceProcess.start(owner.path(), "nic0");
        assertThat(device.answer()).isEqualTo("attached");
        assertThat(domain.awaitAttached(Bench.TIMEOUT_NANOS)).isTrue();
    }

    private static DomainOptions options(String title) {
        return DomainOptions.DEFAULT
                .withFormat(TableFormat.ofTitle(title))
                .withTableEntries(8192)
                .withIotlb(new IotlbGeometry(16, 4, Replacement.LRU));
    }

    private Fault awaitFault(int index) {
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (faults.size() <= index && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        return faults.get(index);
    }

    private void assertUntouched(DmaMemory buffer) {
        MemorySegment expected = MemorySegment.ofArray(new byte[(int) buffer.lengthBytes()]);
        expected.fill((byte) 7);
        assertThat(buffer.memory().mismatch(expected)).as("first byte touched").isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource({"calgary", "dart"})
    void shouldFaultAndTouchNothingWhateverIovaTheDeviceUses(String title) {
        start(options(title));
        try (Dma dma = domain.dma(Strategy.STRICT);
                DmaMemory buffer = dma.allocate(4 * 4096)) {
            buffer.memory().fill((byte) 7);
            long readable = dma.map(buffer.physicalAddress() + 100, 50, DmaDirection.TO_DEVICE);
            long writable =
                    dma.map(buffer.physicalAddress() + 8192, 4096, DmaDirection.FROM_DEVICE);
            assertThat(device.ask("read " + readable + " 50")).isEqualTo("sum 350");

            refuse("write", readable, 50, FaultReason.ACCESS_DENIED);
            refuse("read", writable, 4096, FaultReason.ACCESS_DENIED);
            refuse("write", writable + 4096, 1, FaultReason.NOT_MAPPED);
            refuse("write", 0, 1, FaultReason.NOT_MAPPED);
            refuse("read", buffer.physicalAddress(), 1, FaultReason.OUT_OF_RANGE);
            refuse("write", 8192L * 4096, 1, FaultReason.OUT_OF_RANGE);
            refuse("write", -1, 1, FaultReason.OUT_OF_RANGE);
            refuse("read", Long.MIN_VALUE, 8, FaultReason.OUT_OF_RANGE);
            dma.unmap(readable, 50);
            refuse("read", readable, 50, FaultReason.NOT_MAPPED);
            dma.unmap(writable, 4096);
            refuse("write", writable, 4096, FaultReason.NOT_MAPPED);
            assertUntouched(buffer);

            long again = dma.map(buffer.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            assertThat(device.ask("write " + again + " 8192")).isEqualTo("fault after 4096");
            assertThat(buffer.memory().get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) 1);
            assertThat(buffer.memory().get(ValueLayout.JAVA_BYTE, 4096)).isEqualTo((byte) 7);
        }
        assertThat(awaitFault(10).reason()).isEqualTo(FaultReason.NOT_MAPPED);
        assertThat(domain.statistics().counters().faults()).isEqualTo(11);
    }

    private void refuse(String order, long iova, long lengthBytes, FaultReason reason) {
        int index = faults.size();
        assertThat(device.ask(order + " " + iova + " " + lengthBytes)).isEqualTo("fault after 0");
        int access = order.equals("read") ? Access.READ : Access.WRITE;
        assertThat(awaitFault(index)).isEqualTo(new Fault("nic0", iova, access, reason));
    }

    @Test
    void shouldFlushPastADeviceThatIsKilledInsideASection() throws Exception {
        start(options("calgary"));
        try (Dma dma = domain.dma(Strategy.STRICT);
                DmaMemory buffer = dma.allocate(4096)) {
            long iova = dma.map(buffer.physicalAddress(), 4096, DmaDirection.FROM_DEVICE);
            device.ask("enter");
            CompletableFuture<Void> unmap = CompletableFuture.runAsync(() -> dma.unmap(iova, 4096));
            assertThatThrownBy(() -> unmap.get(150, TimeUnit.MILLISECONDS))
                    .as("the flush waits for a device inside")
                    .isInstanceOf(TimeoutException.class);
            device.kill();
            assertThat(unmap).succeedsWithin(Duration.ofSeconds(20));
            assertThat(dma.statistics().flushNanos()).isGreaterThan(100_000_000);
            assertThat(dma.statistics().liveMappings()).isZero();
        }
        try (ChildJvm next = DeviceProcess.start(owner.path(), "nic0")) {
            assertThat(next.answer()).as("another may take its place").isEqualTo("attached");
            assertThat(next.ask("read 4096 1")).isEqualTo("fault after 0");
        }
    }

    @Test
    void shouldLetAFlushGoOnWhenTheDeviceLeavesItsSection() throws Exception {
        start(options("dart"));
        try (Dma dma = domain.dma(Strategy.STRICT);
                DmaMemory buffer = dma.allocate(4096)) {
            long iova = dma.map(buffer.physicalAddress(), 4096, DmaDirection.FROM_DEVICE);
            assertThat(device.ask("enter")).isEqualTo("generation 0");
            CompletableFuture<Void> unmap = CompletableFuture.runAsync(() -> dma.unmap(iova, 4096));
            assertThatThrownBy(() -> unmap.get(50, TimeUnit.MILLISECONDS))
                    .isInstanceOf(TimeoutException.class);
            assertThat(device.ask("exit")).isEqualTo("outside");
            assertThat(unmap).succeedsWithin(Duration.ofSeconds(20));
            assertThat(device.ask("enter")).isEqualTo("generation 1");
            device.ask("exit");
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "DEFERRED"})
    void shouldNotReuseWhatAStuckDeviceMayStillReach(Strategy strategy) {
        DomainOptions options =
                DomainOptions.DEFAULT
                        .withFormat(DartFormat.INSTANCE)
                        .withTableEntries(1024)
                        .withFlushLimitNanos(50_000_000);
        start(options);
        try (Dma dma = domain.dma(strategy);
                DmaMemory buffer = dma.allocate(4096)) {
            device.ask("enter");
            long iova = dma.map(buffer.physicalAddress(), 4096, DmaDirection.FROM_DEVICE);
            assertThatThrownBy(
                            () -> {
                                dma.unmap(iova, 4096);
                                dma.flush();
                            })
                    .isInstanceOf(DeviceStuckException.class)
                    .hasMessageContaining("device=nic0")
                    .hasMessageContaining("stop its process");
            assertThatThrownBy(() -> dma.unmap(iova, 4096))
                    .as("undone all the same")
                    .isInstanceOf(IllegalArgumentException.class);
            for (int page = 0; page < 1021; page++) {
                assertThat(dma.map(buffer.physicalAddress(), 1, DmaDirection.FROM_DEVICE))
                        .isNotEqualTo(iova);
            }
            assertThatThrownBy(() -> dma.map(buffer.physicalAddress(), 1, DmaDirection.FROM_DEVICE))
                    .as("the last IOVA is the one that is not flushed")
                    .isInstanceOf(DeviceStuckException.class);
            device.ask("exit");
            assertThat(dma.map(buffer.physicalAddress(), 1, DmaDirection.FROM_DEVICE))
                    .isEqualTo(iova);
        }
    }

    /** After an unmap has returned, what the driver writes to the page stays. */
    @ParameterizedTest
    @CsvSource({"calgary", "dart"})
    void shouldNeverLetADeviceTouchAPageAgainOnceUnmapped(String title) {
        start(options(title));
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Dma dma = domain.dma(Strategy.STRICT);
                CoherentMemory mailbox = dma.allocateCoherent(4096);
                DmaMemory buffers = dma.allocate(8 * 4096)) {
            device.send("chase " + mailbox.iova() + " " + seed);
            long started = System.nanoTime();
            long rounds = 0;
            long written = 0;
            // On a machine that is busy with other things, longer: until the device had its
            // chances.
            while (System.nanoTime() - started < TimeUnit.MILLISECONDS.toNanos(2_000)
                    || (written < ENOUGH || refused() < ENOUGH)
                            && System.nanoTime() - started < Bench.TIMEOUT_NANOS) {
                rounds++;
                chaseOnce(dma, mailbox.memory(), buffers, random, seed, rounds);
                written = (long) WORD.getAcquire(mailbox.memory(), 8L);
            }
            String told = device.ask("stop");
            assertThat(told).as("seed=%d", seed).startsWith("written ");
            assertThat(written).as("the device did reach pages").isGreaterThanOrEqualTo(ENOUGH);
            assertThat(refused()).as("it was refused afterwards").isGreaterThanOrEqualTo(ENOUGH);
        }
    }

    private long refused() {
        return domain.statistics().counters().faults();
    }

    /** The same with two threads, each with a mapping service, and so a lane, of its own. */
    @ParameterizedTest
    @CsvSource({"calgary", "dart"})
    void shouldKeepADeviceOutOfWhatTwoThreadsUnmap(String title) {
        start(options(title).withServices(2));
        long seed = System.nanoTime();
        AtomicBoolean stop = new AtomicBoolean();
        try (Dma first = domain.dma(Strategy.STRICT);
                Dma second = domain.dma(Strategy.STRICT);
                CoherentMemory mailbox = first.allocateCoherent(4096);
                DmaMemory firstBuffers = first.allocate(8 * 4096);
                DmaMemory secondBuffers = second.allocate(8 * 4096)) {
            device.send("chase " + mailbox.iova() + " " + seed);
            CompletableFuture<Void> other =
                    CompletableFuture.runAsync(
                            () -> {
                                Random random = new Random(seed + 1);
                                MemorySegment named = mailbox.memory().asSlice(16);
                                for (long round = 1; !stop.get(); round++) {
                                    chaseOnce(second, named, secondBuffers, random, seed, round);
                                }
                            });
            Random random = new Random(seed);
            long started = System.nanoTime();
            long written = 0;
            for (long round = 1;
                    System.nanoTime() - started < TimeUnit.MILLISECONDS.toNanos(2_000)
                            || (written < ENOUGH || refused() < ENOUGH)
                                    && System.nanoTime() - started < Bench.TIMEOUT_NANOS;
                    round++) {
                chaseOnce(first, mailbox.memory(), firstBuffers, random, seed, round);
                written = (long) WORD.getAcquire(mailbox.memory(), 8L);
            }
            stop.set(true);
            assertThat(other).as("seed=%d", seed).succeedsWithin(Duration.ofSeconds(20));
            assertThat(device.ask("stop")).as("seed=%d", seed).startsWith("written ");
            assertThat((long) WORD.getAcquire(mailbox.memory(), 8L)).isGreaterThan(ENOUGH);
            assertThat((long) WORD.getAcquire(mailbox.memory(), 24L))
                    .as("the device did reach the second thread's pages")
                    .isPositive();
        }
    }

    /**
     * @param mailbox the word that names an IOVA to the device, then how often it wrote to it
     */
    private static void chaseOnce(
            Dma dma,
            MemorySegment mailbox,
            DmaMemory buffers,
            Random random,
            long seed,
            long round) {
        int page = random.nextInt(8);
        long physical = buffers.physicalAddress() + page * 4096L;
        long iova = dma.map(physical, 4096, DmaDirection.BIDIRECTIONAL);
        long written = (long) WORD.getAcquire(mailbox, 8L);
        WORD.setRelease(mailbox, 0L, iova);
        // Most rounds let the device in first; some pull the page away while it looks for it.
        int patience = random.nextInt(4) == 0 ? random.nextInt(200) : 20_000;
        while (patience-- > 0 && (long) WORD.getAcquire(mailbox, 8L) == written) {
            Thread.onSpinWait();
        }
        if (random.nextBoolean()) {
            dma.unmap(iova, 4096);
        } else {
            dma.unmapAll(new long[] {iova}, new int[] {4096}, 1);
        }
        WORD.setVolatile(buffers.memory(), page * 4096L, -round);
        for (int look = 0; look < 50; look++) {
            assertThat((long) WORD.getVolatile(buffers.memory(), page * 4096L))
                    .as("seed=%d round=%d", seed, round)
                    .isEqualTo(-round);
        }
    }
}
