package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockStatus;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A controller that lies, fails and forgets: the driver says what it did, and harms nobody. */
@Timeout(60)
class HostileControllerTest {
    /** Generic, internal error: may be tried again. */
    private static final int INTERNAL_ERROR = 0x06;

    private static final int DO_NOT_RETRY = 1 << 14;
    private static final long TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    private final FakeController controller = new FakeController();
    private NvmeDisk disk;
    private BlockQueue queue;
    private DmaMemory memory;

    private void start() {
        start(NvmeOptions.DEFAULT);
    }

    private void start(NvmeOptions options) {
        disk = Nvme.start(controller, options);
        queue = disk.queue(0);
        memory = controller.physical.allocate(64 << 10);
    }

    @AfterEach
    void end() {
        if (disk != null) {
            disk.close();
            memory.close();
            assertThat(controller.dma().statistics().liveMappings()).isZero();
        }
        controller.close();
    }

    private Map<Long, Integer> poll() {
        var found = new HashMap<Long, Integer>();
        queue.poll(found::put, 1000);
        return found;
    }

    private Map<Long, Integer> await(int count) {
        return QemuDisk.await(queue, count);
    }

    private void read(long tag) {
        assertThat(queue.read(tag * 8, memory, tag * 4096 % memory.lengthBytes(), 4096, tag))
                .isTrue();
    }

    @Test
    void shouldRead() {
        start();
        read(3);
        queue.submit();
        assertThat(poll()).containsExactly(Map.entry(3L, BlockStatus.OK));
        assertThat(memory.memory().get(ValueLayout.JAVA_LONG, 3 * 4096)).isEqualTo(24);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 100, 254, 255, 256, 0x7fff, 0xffff})
    void shouldRefuseACompletionOfACommandThatIsNotUnderWay(int id) {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        read(3);
        queue.submit();
        controller.complete(1, id, 0, 0);
        assertThatThrownBy(this::poll)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("completed command %d, which is not under way", id);
        assertThatThrownBy(this::poll).isInstanceOf(DeviceException.class);
    }

    @Test
    void shouldTellWhatCameBeforeALie() {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        read(3);
        read(4);
        queue.submit();
        controller.complete(1, 0, 0, 0);
        controller.complete(1, 0, 0, 0);
        assertThat(poll()).containsExactly(Map.entry(3L, BlockStatus.OK));
        assertThatThrownBy(this::poll).hasMessageContaining("not under way");
    }

    @Test
    void shouldNotTakeAnOldPhaseForACompletion() {
        start();
        for (int round = 0; round < 3000; round++) {
            read(round % 8);
            queue.submit();
            assertThat(poll()).hasSize(1);
            assertThat(poll()).isEmpty();
        }
    }

    @Test
    void shouldTryAgainWhatMaySucceedTheNextTime() {
        start();
        var times = new int[1];
        controller.fate = (from, opcode, own) -> ++times[0] < 3 ? INTERNAL_ERROR : 0;
        read(3);
        queue.submit();
        assertThat(await(1)).containsEntry(3L, BlockStatus.OK);
        assertThat(times[0]).isEqualTo(NvmeQueue.MOST_ATTEMPTS);
    }

    @Test
    void shouldFailWhatFailsAgainAndAgain() {
        start();
        var times = new int[1];
        controller.fate = (from, opcode, own) -> INTERNAL_ERROR + 0 * ++times[0];
        read(3);
        queue.submit();
        assertThat(await(1)).containsEntry(3L, BlockStatus.IO_ERROR);
        assertThat(times[0]).isEqualTo(NvmeQueue.MOST_ATTEMPTS);
    }

    @Test
    void shouldFailAtOnceWhatTheControllerRefusesForGood() {
        start();
        var times = new int[1];
        controller.fate =
                (from, opcode, own) -> {
                    times[0]++;
                    return opcode == NvmeDescriptor.IO_READ
                            ? INTERNAL_ERROR | DO_NOT_RETRY
                            : 1 | DO_NOT_RETRY;
                };
        read(3);
        assertThat(queue.discard(0, 4096, 4)).isTrue();
        queue.submit();
        assertThat(await(2))
                .containsEntry(3L, BlockStatus.IO_ERROR)
                .containsEntry(4L, BlockStatus.UNSUPPORTED);
        assertThat(times[0]).isEqualTo(2);
    }

    @Test
    void shouldAbortThenResetWhatIsForgotten() {
        start(NvmeOptions.DEFAULT.withTimeout(TIMEOUT_NANOS));
        var times = new int[1];
        controller.fate = (from, opcode, own) -> ++times[0] == 1 ? FakeController.NONE : 0;
        read(3);
        queue.submit();
        assertThat(await(1)).containsEntry(3L, BlockStatus.OK);
        assertThat(controller.aborts).isEqualTo(1);
        assertThat(controller.resets).isEqualTo(1);
    }

    @Test
    void shouldResetAControllerThatPromisesAnAbortAndDoesNotKeepIt() {
        start(NvmeOptions.DEFAULT.withTimeout(TIMEOUT_NANOS));
        controller.abortResult = 0;
        var times = new int[1];
        controller.fate = (from, opcode, own) -> ++times[0] == 1 ? FakeController.NONE : 0;
        read(3);
        queue.submit();
        assertThat(await(1)).containsEntry(3L, BlockStatus.OK);
        assertThat(controller.aborts).isEqualTo(1);
        assertThat(controller.resets).isEqualTo(1);
    }

    @Test
    void shouldAbortForAClientThatNeverWaits() {
        start(NvmeOptions.DEFAULT.withTimeout(TIMEOUT_NANOS));
        var times = new int[1];
        controller.fate = (from, opcode, own) -> ++times[0] == 1 ? FakeController.NONE : 0;
        read(3);
        queue.submit();
        var found = new HashMap<Long, Integer>();
        long deadline = System.nanoTime() + QemuDisk.PATIENCE_NANOS;
        while (found.isEmpty()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            queue.poll(found::put, 10);
        }
        assertThat(found).containsEntry(3L, BlockStatus.OK);
        assertThat(controller.aborts).isEqualTo(1);
    }

    @Test
    void shouldFailByItsTagWhatEveryResetInterrupts() {
        start(NvmeOptions.DEFAULT.withTimeout(TIMEOUT_NANOS));
        controller.fate =
                (from, opcode, own) -> opcode == NvmeDescriptor.IO_FLUSH ? 0 : FakeController.NONE;
        read(3);
        assertThat(queue.flush(4)).isTrue();
        queue.submit();
        assertThat(await(2))
                .containsEntry(3L, BlockStatus.IO_ERROR)
                .containsEntry(4L, BlockStatus.OK);
        assertThat(controller.resets).isEqualTo(NvmeQueue.MOST_ATTEMPTS);
        assertThat(queue.pending()).isZero();
    }

    @Test
    void shouldResetAControllerThatFails() {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        read(3);
        queue.submit();
        controller.fate = (from, opcode, own) -> 0;
        controller.fail();
        assertThat(await(1)).containsEntry(3L, BlockStatus.OK);
        assertThat(controller.resets).isEqualTo(1);
    }

    @Test
    void shouldNameWhatWillNeverBeAnsweredWhenTheControllerDoesNotComeBack() {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        for (int tag = 0; tag < 6; tag++) {
            read(tag);
        }
        queue.submit();
        controller.becomesReady = false;
        controller.fail();
        assertThatThrownBy(() -> await(1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("did not come back from a reset")
                .hasMessageContaining("does not become ready")
                .hasMessageContaining("6 requests were under way")
                .hasMessageContaining("read at block 8 of namespace 1 (tag 1)");
    }

    @Test
    void shouldSayThatAControllerWasRemoved() {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        read(0);
        queue.submit();
        controller.isAllOnes = true;
        assertThatThrownBy(() -> await(1)).hasMessageContaining("it was removed");
    }

    @Test
    void shouldSayThatTheDeviceIsLost() {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        read(0);
        queue.submit();
        controller.vanish();
        assertThatThrownBy(() -> queue.await(-1)).isInstanceOf(DeviceLostException.class);
    }

    @Test
    void shouldLookAfterAClientThatNeverWaits() {
        start();
        controller.fate = (from, opcode, own) -> FakeController.NONE;
        read(3);
        queue.submit();
        controller.fate = (from, opcode, own) -> 0;
        controller.fail();
        var found = new HashMap<Long, Integer>();
        long deadline = System.nanoTime() + QemuDisk.PATIENCE_NANOS;
        while (found.isEmpty()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            queue.poll(found::put, 10);
        }
        assertThat(found).containsEntry(3L, BlockStatus.OK);
    }

    @Test
    void shouldTellTheRestAfterAHandlerThatThrew() {
        start();
        read(1);
        read(2);
        queue.submit();
        assertThatThrownBy(
                        () ->
                                queue.poll(
                                        (tag, status) -> {
                                            throw new IllegalStateException("tag " + tag);
                                        },
                                        10))
                .hasMessage("tag 1");
        assertThat(poll()).containsExactly(Map.entry(2L, BlockStatus.OK));
        assertThat(queue.pending()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRingOnlyWhereTheControllerAsksForIt(boolean isAwake) {
        controller.takeDoorbellBuffers();
        start();
        // An index behind the doorbell: it looks by itself. At the doorbell: it wants the register.
        int before = controller.doorbells;
        if (isAwake) {
            read(1);
            queue.submit();
            poll();
            int first = controller.doorbells;
            assertThat(first).isEqualTo(before + 1);
            for (int tag = 2; tag < 6; tag++) {
                read(tag);
                queue.submit();
            }
            assertThat(poll()).isEmpty();
            assertThat(controller.doorbells).isEqualTo(first);
            controller.look(1);
            assertThat(poll()).hasSize(4);
        } else {
            read(1);
            queue.submit();
            assertThat(controller.doorbells).isEqualTo(before + 1);
            assertThat(poll()).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                NvmeDescriptor.ADMIN_IDENTIFY,
                NvmeDescriptor.ADMIN_CREATE_COMPLETIONS,
                NvmeDescriptor.ADMIN_CREATE_SUBMISSIONS,
                NvmeDescriptor.ADMIN_SET_FEATURES,
                NvmeDescriptor.ADMIN_DOORBELL_BUFFERS
            })
    void shouldGiveEverythingBackWhenTheStartIsRefused(int opcode) {
        controller.takeDoorbellBuffers();
        controller.adminFate.put(opcode, 2);
        assertThatThrownBy(this::start)
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("refuses to")
                .hasMessageContaining("status type 0 code 0x02");
        assertThat(controller.dma().statistics().liveMappings()).isZero();
    }

    @Test
    void shouldSayThatItWasNotAnsweredWhenTheControllerFailsMeanwhile() {
        controller.adminFate.put(NvmeDescriptor.ADMIN_IDENTIFY, FakeController.NONE);
        Thread.ofPlatform()
                .daemon()
                .start(
                        () -> {
                            try {
                                Thread.sleep(50);
                            } catch (InterruptedException end) {
                                Thread.currentThread().interrupt();
                            }
                            controller.fail();
                        });
        assertThatThrownBy(this::start).hasMessageContaining("it has failed");
    }

    @Test
    void shouldWorkWithoutEventsWhereTheyAreRefused() {
        controller.adminFate.put(NvmeDescriptor.ADMIN_AWAIT_EVENT, 5);
        start();
        read(3);
        queue.submit();
        assertThat(await(1)).containsEntry(3L, BlockStatus.OK);
    }

    @ParameterizedTest
    // Beyond all ids, and one that an event would have, if a third were awaited.
    @ValueSource(ints = {999, AdminQueue.ENTRIES + 3})
    void shouldResetAControllerThatTellsOfEventsNobodyAwaits(int id) {
        start();
        controller.complete(0, id, 0, 0);
        long deadline = System.nanoTime() + QemuDisk.PATIENCE_NANOS;
        while (controller.resets == 0) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
        read(3);
        queue.submit();
        assertThat(await(1)).containsEntry(3L, BlockStatus.OK);
    }

    @Test
    void shouldNotFillALogForAControllerGoneMad() {
        start();
        var told = new ArrayList<String>();
        disk.onNotice(notice -> told.add(notice.text()));
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1500);
        while (System.nanoTime() < end) {
            if (controller.eventCommands > 0) {
                controller.eventCommands = 0;
                controller.complete(0, controller.lastEventId, 0, NvmeDescriptor.EVENT_HEALTH);
            }
        }
        assertThat(told).hasSizeBetween(1, 24);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, 1L << 55, Long.MIN_VALUE})
    void shouldRefuseANamespaceOfAStrangeSize(long blocks) {
        controller.namespace.set(ValueLayout.JAVA_LONG, IdentifyDescriptor.BLOCKS, blocks);
        assertThatThrownBy(this::start).hasMessageContaining("claims");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 8, 17, 255})
    void shouldRefuseBlocksOfAStrangeSize(int shift) {
        controller.namespace.set(ValueLayout.JAVA_INT, IdentifyDescriptor.FORMATS, shift << 16);
        assertThatThrownBy(this::start).hasMessageContaining("blocks of 2^" + shift + " bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0, 255L | 1L << 37 | 1L << 48, 255L, 1L << 37})
    void shouldRefuseWhatIsNoController(long capabilities) {
        controller.capabilities = capabilities;
        assertThatThrownBy(this::start).hasMessageContaining("is no NVMe controller");
    }

    @Test
    void shouldTakeAnyIdentityWithoutHarm() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<String> refusals = new ArrayList<>();
        for (int round = 0; round < 300; round++) {
            for (int at = 0; at < 4096; at++) {
                controller.identity.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt());
                controller.namespace.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt());
            }
            if (random.nextBoolean()) {
                controller.namespace.set(ValueLayout.JAVA_LONG, 0, 1L << random.nextInt(60));
                controller.namespace.set(
                        ValueLayout.JAVA_BYTE, IdentifyDescriptor.FORMAT, (byte) 0);
                controller.namespace.set(
                        ValueLayout.JAVA_BYTE, IdentifyDescriptor.PROTECTION, (byte) 0);
                controller.namespace.set(
                        ValueLayout.JAVA_INT, IdentifyDescriptor.FORMATS, random.nextInt(20) << 16);
            }
            try (NvmeDisk any = Nvme.start(controller, NvmeOptions.DEFAULT)) {
                assertThat(any.describe()).as("seed %d", seed).matches("[ -~]*");
                assertThat(any.capacityBytes()).as("seed %d", seed).isPositive();
                assertThat(any.maximumRequestBytes()).as("seed %d", seed).isPositive();
            } catch (DeviceException refused) {
                refusals.add(refused.getMessage());
            }
            assertThat(controller.dma().statistics().liveMappings()).as("seed %d", seed).isZero();
        }
        assertThat(refusals).as("seed %d", seed).isNotEmpty().hasSizeLessThan(300);
    }
}
