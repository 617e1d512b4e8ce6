package dev.outboard.perf.traffic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class FlowTrackerTest {
    private final FlowTracker flows = new FlowTracker(2);

    private void accept(long... numbers) {
        for (long number : numbers) {
            flows.accept(1, 0, number);
        }
    }

    @Test
    void shouldFindNothingInWhatCameInOrder() {
        accept(5, 6, 7, 8);
        assertThat(flows.distinct()).isEqualTo(4);
        assertThat(flows.missing()).isZero();
        assertThat(flows.late()).isZero();
        assertThat(flows.doubled()).isZero();
    }

    @Test
    void shouldCountWhatIsMissingUntilItComesLate() {
        accept(0, 1, 4);
        assertThat(flows.missing()).isEqualTo(2);
        accept(2);
        assertThat(flows.missing()).isEqualTo(1);
        assertThat(flows.late()).isEqualTo(1);
    }

    @Test
    void shouldTellADoubledFrameFromALateOne() {
        accept(0, 1, 2, 1, 2, 0);
        assertThat(flows.doubled()).isEqualTo(3);
        assertThat(flows.late()).isZero();
        assertThat(flows.distinct()).isEqualTo(3);
    }

    @Test
    void shouldNotMakeUpForALossByWhatWasSentBeforeAnybodyListened() {
        accept(10, 13, 9, 8);
        assertThat(flows.missing()).isEqualTo(2);
        assertThat(flows.late()).isEqualTo(2);
    }

    @Test
    void shouldKeepFlowsApart() {
        flows.accept(1, 0, 0);
        flows.accept(1, 1, 100);
        flows.accept(1, 0, 1);
        flows.accept(1, 1, 101);
        assertThat(flows.missing()).isZero();
        assertThat(flows.distinct()).isEqualTo(4);
    }

    @Test
    void shouldBeginAnewWithAnotherSessionAndKeepWhatWasMissing() {
        accept(0, 2);
        flows.accept(2, 0, 0);
        flows.accept(2, 0, 1);
        assertThat(flows.missing()).isEqualTo(1);
        assertThat(flows.distinct()).isEqualTo(4);
        assertThat(flows.late()).isZero();
    }

    @Test
    void shouldLeaveOutWhatNobodyCanHaveSent() {
        accept(3);
        flows.accept(1, -1, 4);
        flows.accept(1, 2, 4);
        flows.accept(1, Integer.MAX_VALUE, 4);
        accept(-1, Long.MIN_VALUE, Long.MAX_VALUE);
        assertThat(flows.distinct()).isEqualTo(1);
        assertThat(flows.missing()).isZero();
    }

    @Test
    void shouldAgreeWithAModelThatRemembersEverything() {
        long seed = System.nanoTime();
        var random = new SplittableRandom(seed);
        for (int round = 0; round < 200; round++) {
            var tracker = new FlowTracker(1);
            var seen = new HashSet<Long>();
            var arrivals = arrivals(random);
            long late = 0;
            long doubled = 0;
            long most = -1;
            for (long number : arrivals) {
                if (!seen.add(number)) {
                    doubled++;
                } else if (number < most) {
                    late++;
                }
                most = Math.max(most, number);
                tracker.accept(7, 0, number);
                long missing = most - arrivals.getFirst() + 1 - inRange(seen, arrivals.getFirst());
                assertThat(tracker.missing()).as("seed " + seed).isEqualTo(missing);
                assertThat(tracker.late()).as("seed " + seed).isEqualTo(late);
                assertThat(tracker.doubled()).as("seed " + seed).isEqualTo(doubled);
            }
        }
    }

    private static long inRange(HashSet<Long> seen, long first) {
        return seen.stream().filter(number -> number >= first).count();
    }

    /** Numbers with gaps and copies, none more than 40 places from where it belongs. */
    private static List<Long> arrivals(SplittableRandom random) {
        var places = new TreeMap<Double, Long>();
        for (long number = 0; number < 100; number++) {
            int copies = random.nextInt(10) == 0 ? random.nextInt(3) : 1;
            for (int i = 0; i < copies; i++) {
                places.put(number + random.nextDouble(40), number);
            }
        }
        return List.copyOf(places.values());
    }
}
