package dev.outboard.perf.attack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.iommu.DartFormat;
import dev.outboard.perf.setup.Owner;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Services with a mistake in them: the attack finds each. */
@Timeout(180)
class MutationTest {
    private static final int MAPPINGS = 5_000;

    private static Verdict attack(UnaryOperator<Dma> mistake) {
        var options = StrategyOptions.of(Strategy.STRICT);
        var attack =
                new Attack(
                        DartFormat.INSTANCE,
                        options,
                        Owner.DRIVER,
                        Promise.of(options),
                        MAPPINGS,
                        System.nanoTime(),
                        mistake);
        return attack.run(StopRequest.ofProcess());
    }

    @Test
    void shouldFindNothingWithoutAMistake() {
        var verdict = attack(UnaryOperator.identity());
        assertThat(verdict.first()).isEmpty();
        assertThat(verdict.holds()).isTrue();
    }

    @Test
    void shouldFindAnUnmapThatReturnsBeforeItIsDone() {
        var verdict = attack(dma -> proxy(dma, new Late(dma)));
        assertThat(verdict.holds()).isFalse();
        assertThat(verdict.outside()).as("secrets were read").isPositive();
        assertThat(verdict.changed()).as("canaries were written").isPositive();
    }

    @Test
    void shouldFindAnIovaThatIsUsedAgainWithoutAFlush() {
        var verdict = attack(dma -> proxy(dma, new Again(dma)));
        assertThat(verdict.holds()).isFalse();
        assertThat(verdict.first()).anyMatch(told -> told.contains("used again before a flush"));
    }

    private static Dma proxy(Dma dma, InvocationHandler mistake) {
        return (Dma)
                Proxy.newProxyInstance(
                        Dma.class.getClassLoader(), new Class<?>[] {Dma.class}, mistake);
    }

    private static Object pass(Dma dma, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(dma, arguments);
        } catch (InvocationTargetException failure) {
            throw failure.getCause();
        }
    }

    private static boolean isSingle(Method method, Object[] arguments, String name) {
        return method.getName().equals(name)
                && arguments.length > 1
                && arguments[0] instanceof Long;
    }

    /** Unmaps later: as strict would if it did not wait. */
    private static final class Late implements InvocationHandler {
        private static final int LATER = 8;

        private final Dma dma;
        private final ArrayDeque<long[]> waiting = new ArrayDeque<>();

        Late(Dma dma) {
            this.dma = dma;
        }

        @Override
        public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
            if (isSingle(method, arguments, "unmap")) {
                waiting.add(new long[] {(long) arguments[0], (int) arguments[1]});
                if (waiting.size() > LATER) {
                    var oldest = waiting.remove();
                    dma.unmap(oldest[0], (int) oldest[1]);
                }
                return null;
            }
            return pass(dma, method, arguments);
        }
    }

    /** The trap: an IOVA that was just freed is handed out while the device remembers it. */
    private static final class Again implements InvocationHandler {
        private final Dma dma;
        private final Map<Integer, Long> freed = new HashMap<>();

        Again(Dma dma) {
            this.dma = dma;
        }

        @Override
        public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
            if (isSingle(method, arguments, "unmap")
                    && freed.putIfAbsent(pages((int) arguments[1]), (long) arguments[0]) == null) {
                return null;
            }
            if (isSingle(method, arguments, "map")) {
                var iova = freed.remove(pages((int) arguments[1]));
                if (iova != null) {
                    return iova;
                }
            }
            return pass(dma, method, arguments);
        }

        private static int pages(int lengthBytes) {
            return (lengthBytes + 4095) / 4096;
        }
    }
}
