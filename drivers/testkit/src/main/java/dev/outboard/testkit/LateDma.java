package dev.outboard.testkit;

import dev.outboard.dma.Dma;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * A mapping service whose batches stay reachable until the test says so, as those of a device that
 * is inside a DMA section. One thread.
 */
final class LateDma implements InvocationHandler {
    private final Dma service;
    private final Dma late;
    private long lastTicket;
    private long settledTicket;

    LateDma(Dma service) {
        this.service = service;
        late =
                (Dma)
                        Proxy.newProxyInstance(
                                Dma.class.getClassLoader(), new Class<?>[] {Dma.class}, this);
    }

    /** The service as a driver sees it. */
    Dma dma() {
        return late;
    }

    /** No batch that was unmapped so far can be reached any more. */
    void settle() {
        settledTicket = lastTicket;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "unmapAllLater":
                service.unmapAll((long[]) arguments[0], (int[]) arguments[1], (int) arguments[2]);
                return ++lastTicket;
            case "isUnmapped":
                return (long) arguments[0] <= settledTicket;
            case "awaitUnmapped":
                settle();
                return null;
            default:
                return pass(method, arguments);
        }
    }

    private Object pass(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(service, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }
}
