package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class PageStackTest {
    private static final int PAGES = 6;
    private static final int STEPS = 1_000_000;

    private final PhysicalMemory memory = PhysicalMemory.create(16 * 4096);
    private final PageTable table = new PageTable();
    private final PoolPage[] into = new PoolPage[16];

    @AfterEach
    void close() {
        memory.close();
    }

    private PoolPage page() {
        PoolPage page = new PoolPage(null, memory.allocate(4096), table.nextIndex());
        table.add(page);
        return page;
    }

    private PoolPage[] pages(int count) {
        PoolPage[] pages = new PoolPage[count];
        for (int index = 0; index < count; index++) {
            pages[index] = page();
        }
        return pages;
    }

    @Test
    void shouldPopWhatWasPushedLastFirst() {
        PageStack stack = PageStack.counted(table);
        PoolPage[] pages = pages(5);
        assertThat(stack.pop()).isNull();
        assertThat(stack.isEmpty()).isTrue();
        stack.push(pages[0]);
        stack.push(pages, 1, 5);
        assertThat(stack.count()).isEqualTo(5);
        assertThat(stack.pop()).isSameAs(pages[1]);
        assertThat(stack.pop(into, 3, 0)).isEqualTo(3);
        assertThat(into).startsWith(pages[2], pages[3], pages[4]);
        assertThat(stack.pop()).isSameAs(pages[0]);
        assertThat(stack.pop()).isNull();
        assertThat(stack.count()).isZero();
    }

    @Test
    void shouldLeaveWhatIsToBeKept() {
        PageStack stack = PageStack.counted(table);
        stack.push(pages(5), 0, 5);
        assertThat(stack.pop(into, 16, 3)).isEqualTo(2);
        assertThat(stack.pop(into, 16, 3)).isZero();
        assertThat(stack.pop(into, 16, 4)).isZero();
        assertThat(stack.pop(into, 0, 0)).isZero();
        assertThat(stack.count()).isEqualTo(3);
        assertThat(stack.pop(into, 16, 0)).isEqualTo(3);
        assertThat(stack.pop(into, 16, 0)).isZero();
    }

    @Test
    void shouldHoldAsManyPagesAsThereAreWithoutCounting() {
        PageStack stack = PageStack.unbounded(table);
        PoolPage[] pages = pages(5);
        stack.push(pages, 0, 0);
        assertThat(stack.isEmpty()).isTrue();
        stack.push(pages, 0, 5);
        assertThat(stack.count()).isZero();
        assertThat(stack.pop(into, 4, 0)).isEqualTo(4);
        assertThat(stack.pop(into, 4, 0)).isEqualTo(1);
        assertThat(stack.isEmpty()).isTrue();
    }

    @Test
    void shouldNoticeThatTheSamePageIsOnTopOfOthers() {
        PageStack stack = PageStack.counted(table);
        PoolPage[] pages = pages(3);
        stack.push(pages, 0, 3);
        long seen = stack.word();
        assertThat(stack.pop(into, 3, 0)).isEqualTo(3);
        stack.push(pages[1]);
        stack.push(pages[2]);
        stack.push(pages[0]);
        assertThat(stack.popIfStill(seen)).as("as high, and the same on top").isNull();
        assertThat(stack.popIfStill(stack.word())).isSameAs(pages[0]);
        assertThat(stack.pop()).isSameAs(pages[2]);
        assertThat(stack.pop()).isSameAs(pages[1]);
    }

    @Test
    void shouldGiveIndexesOutAgain() {
        PoolPage first = page();
        PoolPage second = page();
        assertThat(table.count()).isEqualTo(2);
        table.remove(first);
        assertThat(table.at(first.index())).isNull();
        assertThat(table.count()).isEqualTo(1);
        assertThat(page().index()).isEqualTo(first.index());
        assertThat(table.at(second.index())).isSameAs(second);
    }

    /** Few pages and many threads: the same page is on top again while another thread looks. */
    @Test
    void shouldGiveNoPageToTwoThreads() throws InterruptedException {
        long seed = System.nanoTime();
        System.out.println("PageStackTest seed=" + seed);
        PageStack stack = PageStack.counted(table);
        stack.push(pages(PAGES), 0, PAGES);
        AtomicReferenceArray<Thread> holders = new AtomicReferenceArray<>(PAGES + 1);
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            Random random = new Random(seed + number);
            Thread thread = Thread.ofPlatform().unstarted(() -> shuffle(stack, random, holders));
            thread.setUncaughtExceptionHandler((where, failure) -> failures.add(failure));
            threads.add(thread);
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        assertThat(stack.count()).isEqualTo(PAGES);
        assertThat(stack.pop(into, 16, 0)).isEqualTo(PAGES);
        assertThat(Arrays.asList(into).subList(0, PAGES)).doesNotHaveDuplicates();
    }

    private static void shuffle(
            PageStack stack, Random random, AtomicReferenceArray<Thread> holders) {
        PoolPage[] mine = new PoolPage[3];
        for (int step = 0; step < STEPS; step++) {
            int got = stack.pop(mine, 1 + random.nextInt(3), 0);
            for (int index = 0; index < got; index++) {
                Thread other = holders.getAndSet(mine[index].index(), Thread.currentThread());
                assertThat(other == null).as("page is nobody's, step %d", step).isTrue();
            }
            for (int index = 0; index < got; index++) {
                holders.set(mine[index].index(), null);
            }
            if (got == 3 && random.nextBoolean()) {
                PoolPage swapped = mine[0];
                mine[0] = mine[2];
                mine[2] = swapped;
            }
            stack.push(mine, 0, got);
        }
    }
}
