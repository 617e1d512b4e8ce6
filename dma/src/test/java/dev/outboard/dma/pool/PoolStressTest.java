package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Threads that take, keep, pass on and give back at random, against a model of who has which page:
 * no page is anybody's twice, what passes on is wiped, and none is lost.
 */
@Timeout(300)
final class PoolStressTest {
    private static final int STEPS = 200_000;
    private static final int MOST_HELD = 100;
    private static final long SHORT_NANOS = 1_000_000;
    private static final long LONG_NANOS = 20_000_000_000L;

    /** Who has a page, by its physical address: the model. */
    private final ConcurrentHashMap<Long, Thread> holders = new ConcurrentHashMap<>();

    /** Pages on their way to another thread, which gives them back. */
    private final ConcurrentLinkedQueue<PoolPage> passedOn = new ConcurrentLinkedQueue<>();

    private final ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong taken = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();

    @Test
    void shouldHandOutNoPageTwiceAndLoseNone() throws InterruptedException {
        stress(PoolRig.of(4096), false);
        assertThat(refused.get()).isLessThan(taken.get());
    }

    @Test
    void shouldHandOutNoPageTwiceAndLoseNoneWhenMemoryIsScarce() throws InterruptedException {
        stress(PoolRig.of(200), false);
        assertThat(refused.get()).as("there were too few").isPositive();
    }

    @Test
    void shouldLoseNoneWhileItLetsGoOfMemory() throws InterruptedException {
        stress(PoolRig.of(1024), true);
    }

    @Test
    void shouldLeaveNobodyAsleepWhoWaits() throws InterruptedException {
        try (PoolRig rig = PoolRig.of(256)) {
            List<Thread> threads = new ArrayList<>();
            AtomicBoolean isOver = new AtomicBoolean();
            threads.add(Thread.ofPlatform().start(() -> guarded(() -> hurry(rig.pool, isOver))));
            for (int number = 0; number < 2; number++) {
                threads.add(Thread.ofPlatform().start(() -> guarded(() -> drain(rig.pool))));
            }
            threads.get(1).join();
            threads.get(2).join();
            isOver.set(true);
            threads.get(0).join();
            assertThat(failures).isEmpty();
            assertThat(rig.pool.statistics().waits()).as("they had to wait").isPositive();
        }
    }

    /** Takes all it can get, again and again: a wake-up that is lost is a test that fails. */
    private static void drain(PagePool pool) throws InterruptedException {
        List<PoolPage> held = new ArrayList<>();
        try (PatientTaker taker = pool.openPatient()) {
            for (int step = 0; step < STEPS; step++) {
                PoolPage page = taker.take(LONG_NANOS);
                assertThat(page).as("step %d", step).isNotNull();
                held.add(page);
                if (held.size() == MOST_HELD) {
                    held.forEach(taker::giveBack);
                    held.clear();
                }
            }
            held.forEach(taker::giveBack);
        }
    }

    private static void hurry(PagePool pool, AtomicBoolean isOver) {
        try (UrgentTaker taker = pool.openUrgent()) {
            while (!isOver.get()) {
                PoolRig.takeUrgently(taker, 20).forEach(taker::giveBack);
                Thread.yield();
            }
        }
    }

    private void stress(PoolRig rig, boolean releases) throws InterruptedException {
        long seed = System.nanoTime();
        System.out.println("PoolStressTest seed=" + seed);
        try (rig) {
            AtomicBoolean isOver = new AtomicBoolean();
            Thread releasing = Thread.ofPlatform().unstarted(() -> release(rig, seed, isOver));
            if (releases) {
                releasing.start();
            }
            List<Thread> threads = new ArrayList<>();
            for (int number = 0; number < 4; number++) {
                Random random = new Random(seed + number);
                boolean isUrgent = number % 2 == 0;
                threads.add(
                        Thread.ofPlatform()
                                .start(() -> guarded(() -> run(rig.pool, random, isUrgent))));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            isOver.set(true);
            releasing.join();
            assertThat(failures).isEmpty();
            checkNothingIsLost(rig);
        }
    }

    private void guarded(Work work) {
        try {
            work.run();
        } catch (InterruptedException | RuntimeException | AssertionError failure) {
            failures.add(failure);
        }
    }

    private interface Work {
        void run() throws InterruptedException;
    }

    private void run(PagePool pool, Random random, boolean isUrgent) throws InterruptedException {
        ArrayDeque<PoolPage> held = new ArrayDeque<>();
        try (UrgentTaker urgent = pool.openUrgent();
                PatientTaker patient = pool.openPatient()) {
            for (int step = 0; step < STEPS; step++) {
                int what = random.nextInt(10);
                if (what < 5 && held.size() < MOST_HELD) {
                    take(isUrgent ? urgent.tryTake() : patient.take(SHORT_NANOS), held);
                } else if (what < 9) {
                    giveBack(held.poll(), urgent, patient, isUrgent);
                } else {
                    passOn(held.poll());
                    giveBack(passedOn.poll(), urgent, patient, random.nextBoolean());
                }
            }
            held.addAll(passedOn);
            passedOn.removeAll(held);
            held.forEach(page -> giveBack(page, urgent, patient, isUrgent));
        }
    }

    private void take(PoolPage page, ArrayDeque<PoolPage> held) {
        if (page == null) {
            refused.incrementAndGet();
            return;
        }
        taken.incrementAndGet();
        Thread other = holders.putIfAbsent(page.physicalAddress(), Thread.currentThread());
        assertThat(other).as("who has page 0x%x", page.physicalAddress()).isNull();
        if (page.isZeroed()) {
            assertThat(page.memory().get(ValueLayout.JAVA_LONG, 0)).isZero();
            assertThat(page.memory().get(ValueLayout.JAVA_LONG, 4088)).isZero();
        }
        page.memory().set(ValueLayout.JAVA_LONG, 0, page.physicalAddress());
        page.memory().set(ValueLayout.JAVA_LONG, 4088, ~page.physicalAddress());
        held.add(page);
    }

    private void check(PoolPage page) {
        assertThat(page.memory().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(page.physicalAddress());
        assertThat(page.memory().get(ValueLayout.JAVA_LONG, 4088))
                .isEqualTo(~page.physicalAddress());
    }

    private void giveBack(
            PoolPage page, UrgentTaker urgent, PatientTaker patient, boolean toUrgent) {
        if (page != null) {
            check(page);
            assertThat(holders.remove(page.physicalAddress())).isNotNull();
            if (toUrgent) {
                urgent.giveBack(page);
            } else {
                patient.giveBack(page);
            }
        }
    }

    private void passOn(PoolPage page) {
        if (page != null) {
            passedOn.add(page);
        }
    }

    /** Now one quarter of the memory goes, now another. */
    private void release(PoolRig rig, long seed, AtomicBoolean isOver) {
        Random random = new Random(~seed);
        long quarter = rig.memory.lengthBytes() / 4;
        long start = rig.memory.segments().getFirst().physicalAddress();
        guarded(
                () -> {
                    while (!isOver.get()) {
                        long address = start + random.nextInt(4) * quarter;
                        rig.pool.release(address, quarter);
                    }
                });
    }

    private void checkNothingIsLost(PoolRig rig) {
        assertThat(holders).isEmpty();
        // What was given back waits to be wiped; after that all pages are free ones.
        PoolRig.await(
                () ->
                        rig.pool.returned().isEmpty()
                                || rig.pool.returnedPages().get() < 64 && isAllThere(rig));
        // It may be getting new ones instead of those it has let go of.
        PoolRig.await(() -> rig.pool.statistics().pages() == rig.usedPages());
        rig.pool.close();
        assertThat(rig.memory.freeBytes()).isEqualTo(rig.memory.lengthBytes());
        assertThat(rig.pool.taken()).isEqualTo(taken.get());
    }

    private static boolean isAllThere(PoolRig rig) {
        return rig.pool.level() + rig.pool.returnedPages().get() == rig.pool.statistics().pages();
    }
}
